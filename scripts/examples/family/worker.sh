#!/bin/sh
# Stands for the program of an image.
. /usr/local/etc/house.conf
exec sleep 86400

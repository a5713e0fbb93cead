#!/usr/local/bin/python3
import platform

print("Hello from", platform.platform())

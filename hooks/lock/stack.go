// SPDX-License-Identifier: BSD-2-Clause

package lock

// Written is a layer of an image as its lock has it.
type Written struct {
	Step *Layer
	Part *Part // the packages in it; nil for the layer that ends the step
}

// Epoch is that of the layer.
func (w Written) Epoch() int64 {
	if w.Part != nil {
		return w.Part.Epoch
	}
	return w.Step.Epoch
}

// Written lists the layers that the image has on its parent, lowest first.
func (l *Lock) Written() []Written {
	var list []Written
	for i := range l.Layers {
		step := &l.Layers[i]
		if l.Squash && i < len(l.Layers)-1 {
			continue
		}
		for j := range step.Parts {
			list = append(list, Written{step, &step.Parts[j]})
		}
		list = append(list, Written{Step: step})
	}
	return list
}

// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/orlop/orlop/hooks"
)

// TestPlanMaker has a plan say which program made it, always in the same bytes,
// while any program of that version may build what was planned.
func TestPlanMaker(t *testing.T) {
	t.Parallel()
	cfg := reuseConfig(t, nil, 0)
	file := filepath.Join(cfg.OutDir, "container-image-many.plan.json")
	var texts [][]byte
	for _, maker := range []string{"this test", "this test", "another"} {
		cfg.Maker = maker
		if _, err := hooks.Plan(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if !bytes.Equal(texts[0], texts[1]) || bytes.Equal(texts[1], texts[2]) {
		t.Errorf("plans of a program, of the same, of another:\n%s", bytes.Join(texts, []byte("\n")))
	}
	plan, err := hooks.ParsePlan("first", texts[0])
	if err != nil {
		t.Fatal(err)
	}
	cfg.Plans = []*hooks.PlanFile{plan}
	if _, err := hooks.Build(t.Context(), cfg); err != nil {
		t.Error(err)
	}
}

// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucid/test/lab"
)

// The same at moments that chance chooses.
func TestKilledAtRandomMoments(t *testing.T) {
	moments := 30
	if soak() {
		moments = 300
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			r := lab.New(t)
			killed, p := 0, startTraced(r)
			for i := range (moments + len(scenes) - 1) / len(scenes) {
				setTheScene(r, s)
				after := time.Duration(chance.Int64N(int64(20 * time.Millisecond)))
				if killAfter(r, p, after, s) {
					killed++
				}
				p = checkWorld(r, s, fmt.Sprintf("moment %d, killed after %s", i, after))
			}
			p.kill()
			t.Logf("%d were killed before the answer", killed)
		})
	}
}

func killAfter(r *lab.Router, p *tracee, after time.Duration, s scene) (unanswered bool) {
	r.T.Helper()
	timer := time.AfterFunc(after, func() { unix.Kill(p.pid, unix.SIGKILL) })
	defer timer.Stop()
	err := s.do(r)
	p.kill()
	return err != nil
}

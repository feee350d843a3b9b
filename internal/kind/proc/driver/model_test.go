// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// modelSteps is the number of steps of TestRandomLife; UCID_SOAK=1 makes it a million, UCID_STEPS sets another.
const modelSteps = 200_000

// A model checks one machine against what must always be so.
type model struct {
	*fakeWorld
	r       *rand.Rand
	calm    bool // nobody asks for anything: the budget is used up
	deaf    bool // ignores SIGTERM
	began   time.Time
	auto    int         // automatic restarts in a row since a start on purpose or a long run
	recent  []time.Time // of automatic restarts
	byTimer bool
}

// Never two at once, never an orphan, budget kept: for any order of starts, stops,
// changes, crashes and hangs.
func TestRandomLife(t *testing.T) {
	steps := modelSteps
	if soak() {
		steps = 1_000_000
	}
	if s := os.Getenv("UCID_STEPS"); s != "" {
		var err error
		if steps, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("UCID_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("UCID_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for done := 0; done < steps; {
		m := &model{r: r, calm: r.IntN(2) == 0}
		m.fakeWorld = newFake(t, m.anyWish())
		m.purpose()
		m.m.start()
		for range 400 {
			done++
			m.check(m.step())
			if m.gone {
				break
			}
		}
		m.end()
	}
}

func (m *model) anyWish() proc.Proc {
	p := wish()
	p.Respawn = proc.Respawn{
		On: m.r.IntN(5) > 0, Threshold: time.Duration(m.r.IntN(3)) * time.Second,
		Delay: time.Duration(m.r.IntN(3)) * 400 * time.Millisecond, Retry: m.r.IntN(4),
	}
	if m.r.IntN(4) == 0 {
		p.Respawn = proc.Respawn{On: true}
	}
	p.TermAfter = time.Duration(m.r.IntN(3)) * time.Second
	p.Reload = uint8(m.r.IntN(2))
	p.Files = engine.MakeList(fmt.Sprintf("/x=%d", m.r.IntN(3)))
	p.Data = engine.MakeMap(map[string]string{"n": strconv.Itoa(m.r.IntN(2))})
	if m.r.IntN(3) == 0 {
		p.Ready = "file:/x"
	}
	return p
}

// purpose notes that somebody wanted a start: the budget is fresh.
func (m *model) purpose() { m.auto = 0 }

// ran notes the end of a run. The restart after a long one is no early one.
func (m *model) ran() {
	if m.clock.Sub(m.began) >= m.m.want.Respawn.Threshold {
		m.auto = -1
	}
}

func (m *model) step() string {
	starts := m.starts
	what := m.act()
	if m.starts > starts && m.byTimer {
		m.auto++
		m.recent = append(m.recent, m.clock)
	}
	m.byTimer = false
	return what
}

func (m *model) act() string {
	n := m.r.IntN(100)
	if m.calm {
		n = 23 + m.r.IntN(77)
	}
	switch {
	case n < 4:
		m.purpose()
		m.m.start()
		return "start"
	case n < 8:
		_ = m.m.hold()
		return "stop"
	case n < 11:
		m.purpose()
		m.m.restart()
		return "restart"
	case n < 16:
		m.purpose()
		_ = m.m.change(m.anyWish())
		return "change"
	case n < 17:
		m.m.remove()
		return "remove"
	case n < 20:
		if m.m.alive {
			m.purpose()
			m.m.reload()
		}
		return "reload"
	case n < 23:
		m.deaf = !m.deaf
		return "hang"
	case n < 27:
		if m.main {
			m.kids++
		}
		return "fork"
	case n < 30:
		if m.kids > 0 {
			m.kids--
			m.sweeping = m.sweeping || !m.main
		}
		return "a descendant ends"
	case n < 45:
		if m.forking {
			m.began = m.clock
			if m.r.IntN(8) == 0 {
				m.forking = false
				m.ran()
				m.m.spawnFailed("no such file")
				return "exec fails"
			}
			m.deaf = m.r.IntN(4) == 0
			m.born()
		}
		return "exec"
	case n < 60:
		if m.sweeping {
			m.look()
		}
		return "look"
	case n < 70:
		if m.main && (m.shot || m.asked && !m.deaf || !m.asked && m.r.IntN(2) == 0) {
			m.ran()
			m.die(m.r.IntN(2))
		}
		return "end"
	case n < 75:
		if m.waiting && m.main {
			m.m.isReady()
		}
		return "ready"
	}
	m.byTimer = true
	m.pass(time.Duration(m.r.IntN([]int{20, 1500}[m.r.IntN(2)])) * time.Millisecond)
	return "time"
}

func (m *model) check(what string) {
	switch s := m.m.st; s {
	case running:
		if !m.main {
			m.t.Fatalf("after %s: it is %v and nothing runs", what, s)
		}
	case idle, backoff, failed, stopped:
		if m.main || m.kids > 0 || m.forking {
			m.t.Fatalf("after %s: it is %v; main %v, %d descendants, forking %v", what, s, m.main, m.kids, m.forking)
		}
	}
	if m.m.held && (m.m.st == failed || m.m.st == backoff) {
		m.t.Fatalf("after %s: stopped by hand and yet %v", what, m.m.st)
	}
	if r := m.m.want.Respawn; r.On && r.Retry > 0 && m.auto > r.Retry {
		m.t.Fatalf("after %s: %d automatic restarts, %d allowed", what, m.auto, r.Retry)
	}
	if n := len(m.recent); n > maxRestarts && m.recent[n-1].Sub(m.recent[n-1-maxRestarts]) < restartWindow {
		m.t.Fatalf("after %s: more than %d restarts in %v", what, maxRestarts, restartWindow)
	}
	if len(m.timers) > 1 {
		m.t.Fatalf("after %s: %d timers", what, len(m.timers))
	}
}

// end removes the process: whatever its state, it goes.
func (m *model) end() {
	m.m.remove()
	for i := 0; !m.gone; i++ {
		if i == 100 {
			m.t.Fatalf("it does not go: %v, main %v, %d descendants", m.m.st, m.main, m.kids)
		}
		m.life()
		m.pass(3 * time.Second)
	}
	if m.main || m.kids > 0 || m.forking {
		m.t.Fatal("an orphan is left")
	}
	if len(m.timers) > 0 {
		m.t.Fatal("a timer is left")
	}
}

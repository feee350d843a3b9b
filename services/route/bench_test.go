// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"ucid/internal/engine"
	kroute "ucid/internal/kind/route"
	"ucid/services"
	"ucid/uci"
)

// manyRoutes is a package of n routes over one interface, named or anonymous.
func manyRoutes(n int, named bool) []byte {
	var b strings.Builder
	b.WriteString("config interface 'lan'\n\toption device 'eth1'\n\toption proto 'static'\n\toption ipaddr '192.0.2.1/24'\n")
	for i := range n {
		name := ""
		if named {
			name = fmt.Sprintf(" 'r%d'", i)
		}
		fmt.Fprintf(&b, "\nconfig route%s\n\toption interface 'lan'\n\toption target '10.%d.%d.%d/32'\n\toption gateway '192.0.2.%d'\n\toption metric '%d'\n",
			name, i>>16, i>>8&255, i&255, 2+i%250, i%7)
	}
	return []byte(b.String())
}

func parse(t testing.TB, text []byte) *uci.Package {
	t.Helper()
	p, err := uci.Parse("network", "/etc/config/network", text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func build(t testing.TB, text []byte) *services.Compilation {
	t.Helper()
	return services.Compile(map[string]*uci.Package{"network": parse(t, text)}, nil)
}

const benchRoutes = 100_000

// BenchmarkCompile measures the way from text to wanted objects, and its parts.
func BenchmarkCompile(b *testing.B) {
	for _, named := range []bool{true, false} {
		text := manyRoutes(benchRoutes, named)
		name := map[bool]string{true: "named", false: "anonymous"}[named]
		b.Run(name+"/all", func(b *testing.B) {
			measure(b, func() { build(b, text) })
		})
		p := parse(b, text)
		b.Run(name+"/parse", func(b *testing.B) {
			measure(b, func() { parse(b, text) })
		})
		b.Run(name+"/decode", func(b *testing.B) {
			measure(b, func() { p.Decode(&Config{}) })
		})
		b.Run(name+"/decode+compile", func(b *testing.B) {
			measure(b, func() { services.Compile(map[string]*uci.Package{"network": p}, nil) })
		})
	}
}

func measure(b *testing.B, work func()) {
	b.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		work()
	}
	runtime.ReadMemStats(&after)
	n := float64(b.N) * benchRoutes
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/route")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/route")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/route")
}

// What is kept of a compilation, and what it costs on the way, stays within bounds: a router
// of 64 MB has to hold it.
func TestCompileCosts(t *testing.T) {
	const n = 20_000
	text := manyRoutes(n, true)
	p := parse(t, text)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := services.Compile(map[string]*uci.Package{"network": p}, nil)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := len(engine.Wishes[kroute.Route](c.Set)); got != n {
		t.Fatalf("%d routes, want %d", got, n)
	}
	kept := (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / n
	allocs := float64(after.Mallocs-before.Mallocs) / n
	t.Logf("kept %.0f B and %.2f allocations a route", kept, allocs)
	if kept > 500 || allocs > 4 {
		t.Errorf("%.0f B kept and %.2f allocations a route, want at most 500 and 4", kept, allocs)
	}
	runtime.KeepAlive(text)
	runtime.KeepAlive(p)
	runtime.KeepAlive(c)
}

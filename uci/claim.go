// SPDX-License-Identifier: Apache-2.0

package uci

// Unclaimed gives a warning for each option that no reader of its section knows. Sections
// that nobody claims are left alone: they belong to someone else.
func (p *Package) Unclaimed(claims []Claim) []Problem {
	unknown := make(map[*Section]map[string]int)
	readers := make(map[*Section]int)
	for _, c := range claims {
		readers[c.Section]++
		for _, o := range c.Unknown {
			if unknown[c.Section] == nil {
				unknown[c.Section] = make(map[string]int)
			}
			unknown[c.Section][o.Name]++
		}
	}
	var problems []Problem
	for s := range p.Sections() {
		for o := range s.Options() {
			if n := unknown[s][o.Name]; n > 0 && n == readers[s] {
				problems = append(problems, p.meta(s).Warning(o.Name, "unknown option %s", o.Name))
			}
		}
	}
	return problems
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"ucid/uci"
)

var commands = strings.Fields("batch export import changes commit add add_list del_list show get set delete rename revert reorder diff edit completion help")

// completions are the scripts for each shell; all ask the tool itself.
var completions = map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}

const zshCompletion = `#compdef uci
_uci() {
	local -a found
	found=("${(@f)$(uci complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	[[ -n $found ]] && compadd -S '' -a found
}
compdef _uci uci
`

const fishCompletion = `complete -c uci -f -a '(uci complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`

const bashCompletion = `_uci() {
	local IFS=$'\n' cur=${COMP_LINE:0:COMP_POINT}
	cur=${cur##*[[:space:]]}
	COMPREPLY=($(uci complete "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$cur" 2>/dev/null))
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} != *[.=] ]] || compopt -o nospace
}
complete -F _uci uci
`

// complete prints what the last of the words may become: commands, then packages, sections
// and options. Words before it that are options of the tool count.
func (t *tool) complete(words []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	if len(words) == 1 {
		t.candidates(last, commands)
		return
	}
	switch tuple, rest, _ := strings.Cut(last, "."); {
	case !strings.Contains(last, "."):
		t.completePackage(words[0], last)
	case !strings.Contains(rest, "."):
		t.completeSection(words[0], tuple, last)
	default:
		t.completeOption(words[0], last)
	}
}

func (t *tool) candidates(prefix string, all []string) {
	for _, c := range all {
		if strings.HasPrefix(c, prefix) {
			t.out.print(c, "\n")
		}
	}
}

func (t *tool) completePackage(command, prefix string) {
	packages, err := t.packages()
	if err != nil {
		return
	}
	if _, changes := operation(command); changes || command == "get" {
		for i := range packages {
			packages[i] += "."
		}
	}
	t.candidates(prefix, packages)
}

func (t *tool) completeSection(command, pkg, prefix string) {
	p, err := t.store.Package(pkg)
	if err != nil {
		return
	}
	var names []string
	for s := range p.Sections() {
		name := pkg + "." + s.Ref()
		names = append(names, name)
		if s.Len() > 0 && command != "reorder" {
			names = append(names, name+".")
		}
	}
	t.candidates(prefix, names)
}

func (t *tool) completeOption(command, prefix string) {
	address := prefix[:strings.LastIndexByte(prefix, '.')]
	tuple, err := uci.ParseTuple(address)
	if err != nil {
		return
	}
	p, err := t.store.Package(tuple.Package)
	if err != nil {
		return
	}
	s, _, err := p.Find(tuple)
	if err != nil {
		return
	}
	var names []string
	for o := range s.Options() {
		name := address + "." + o.Name
		if command == "set" || command == "add_list" || command == "del_list" || command == "rename" {
			name += "="
		}
		names = append(names, name)
	}
	t.candidates(prefix, names)
}

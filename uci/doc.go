// SPDX-License-Identifier: Apache-2.0

// Package uci reads, edits and writes UCI, the configuration format of OpenWrt.
//
// A UCI package is one file, usually below /etc/config: ordered sections, each with a
// type, a name (or none) and ordered options, each a string or a list of strings.
//
//	config route 'office'
//		option target '10.8.0.0/16'
//		option gateway '10.0.0.3'
//
// # Reading
//
// [ReadFile] and [Parse] give a [Package], in which every section, option and list item
// knows its line. [Package.Decode] fills Go structs by field tags and reports each mistake
// as a [Problem] with file and line, leaving out only the section that holds it.
//
//	p, err := uci.ReadFile("network", "/etc/config/network")
//	for s := range p.OfType("route") {
//		target, ok := s.Get("target")
//		…
//	}
//
// # Changing
//
// [Open] gives a [Store]: a directory of packages with a directory in which changes wait.
//
//	st := uci.Open(uci.DefaultConfDir, uci.DefaultSaveDir)
//	err := st.Set("network.office.gateway", "10.0.0.3")
//	changes, err := st.Changes("network")
//	err = st.Commit("network")
//
// Changes are staged as lines of a delta file in a save directory and reach the
// configuration by a commit. Nothing is lost on the way: a commit writes a new file, syncs
// it, renames it over the old one, syncs the directory, and only then drops the delta lines
// it has committed.
//
// Any number of processes may work on the same files, also ones that use OpenWrt's own tool:
// each method locks what it uses. [Package.Set] and its like change a package in memory only.
//
// # Comparing and converting
//
// [Diff] gives what differs between two packages, option by option. [Package.Decode] and
// [Encode] turn packages into structs and back. [Store.Import], [ParseStream] and [Format] read
// and write the form of an export. Store.KeepComments keeps comments and layout on a commit;
// without it the file is written in the canonical form, as OpenWrt's tool does.
//
// # Cost
//
// Reading, changing and writing take time that grows with the size of the file alone, whatever
// its shape, and so does a run of many changes to one package.
//
// The package imports the standard library alone.
package uci

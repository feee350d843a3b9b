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
// # Changing
//
// Changes are staged as lines of a delta file in a save directory and reach the
// configuration by a commit. Nothing is lost on the way: a commit writes a new file, syncs
// it, renames it over the old one, syncs the directory, and only then drops the delta lines
// it has committed.
//
// The package imports the standard library alone.
package uci

// Package dogwatch holds the sample configuration, which the program runs in its demo and which every key's comment is
// written in.
package dogwatch

import _ "embed"

// Example is config.example.yaml.
//
//go:embed config.example.yaml
var Example []byte

package main

// demo is what only a demo has.
type demo struct{}

//go:build !failpoint

package failpoint

// Armed says whether this build can be ended at failpoints.
const Armed = false

// Hit does nothing in an ordinary build.
func Hit(string) {}

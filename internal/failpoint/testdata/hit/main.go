// Command hit passes one failpoint five times and prints a line after each pass.
package main

import (
	"fmt"

	"dogwatch/internal/failpoint"
)

func main() {
	for i := 1; i <= 5; i++ {
		failpoint.Hit("pass")
		fmt.Println("passed", i)
	}
}

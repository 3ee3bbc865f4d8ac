package wecom_test

import (
	"fmt"
	"testing"
)

func TestTheBotCountsWeComsLimits(t *testing.T) {
	h := open(t)
	if got := fmt.Sprint(h.wecom.Budgets("ops"), h.wecom.Budgets("@alice")); got != "[{20 1m0s 0}] [{30 1m0s 0} {1000 1h0m0s 0}]" {
		t.Error(got)
	}
}

package bot_test

import (
	"dogwatch/escalation"
	"dogwatch/internal/state"
	"dogwatch/schedules"
)

type (
	schedulesPerson = schedules.Person
	escalationSetup = escalation.Setup
	stateStore      = state.Store
)

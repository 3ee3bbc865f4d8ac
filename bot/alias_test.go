package bot_test

import (
	"dogwatch/escalation"
	"dogwatch/schedules"
)

type (
	schedulesPerson = schedules.Person
	escalationSetup = escalation.Setup
)

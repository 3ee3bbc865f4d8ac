// This module only says which Alertmanager the tests run against, so that the product's own go.mod stays free of it.
// internal/alertmanagertest reads the version here, checks the source against go.sum, and builds the program in a
// copy of that source, under Alertmanager's own go.mod. There is no Go code here, hence no go mod tidy.
// To change the version: go get github.com/prometheus/alertmanager@vX.Y.Z
module dogwatch/test/alertmanager

go 1.26.0

require github.com/prometheus/alertmanager v0.34.2

package command

// Config is the runner's own part of the configuration. The zero value is the default throughout.
type Config struct {
	// Path is where argv[0] is looked up and the command's PATH; absolute directories. "": the usual six.
	Path string `yaml:"path" json:"path"`
	// Env are names of variables of dogwatch's own environment that commands may see. None by default.
	Env []string `yaml:"env" json:"env"`
	// Grace is the time between SIGTERM and SIGKILL, as "5s", which is the default.
	Grace string `yaml:"grace" json:"grace"`
	// User runs commands as another user of this machine; dogwatch must be root for that. "": dogwatch's own.
	User string `yaml:"user" json:"user"`
	// NewPrivileges lets setuid programs such as sudo work. Off by default.
	NewPrivileges bool `yaml:"new_privileges" json:"new_privileges"`
	// OpenFiles and FileSize (bytes) bound each process. 0: 1024 and 1 GiB.
	OpenFiles uint64 `yaml:"open_files" json:"open_files"`
	FileSize  uint64 `yaml:"file_size" json:"file_size"`
}

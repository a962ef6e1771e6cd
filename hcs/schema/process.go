package schema

// ProcessParameters is the document of HcsCreateProcess.
type ProcessParameters struct {
	ApplicationName  string            `json:"ApplicationName,omitempty"`
	CommandLine      string            `json:"CommandLine,omitempty"`
	CommandArgs      []string          `json:"CommandArgs,omitempty"`
	User             string            `json:"User,omitempty"`
	WorkingDirectory string            `json:"WorkingDirectory,omitempty"`
	Environment      map[string]string `json:"Environment,omitempty"`
	RestrictedToken  bool              `json:"RestrictedToken,omitempty"`
	EmulateConsole   bool              `json:"EmulateConsole,omitempty"`
	CreateStdInPipe  bool              `json:"CreateStdInPipe,omitempty"`
	CreateStdOutPipe bool              `json:"CreateStdOutPipe,omitempty"`
	CreateStdErrPipe bool              `json:"CreateStdErrPipe,omitempty"`
	ConsoleSize      []uint16          `json:"ConsoleSize,omitempty"` // height, width
	UseExistingLogin bool              `json:"UseExistingLogin,omitempty"`
	UseLegacyConsole bool              `json:"UseLegacyConsole,omitempty"`
}

// Signal is a console control event.
type Signal string

// The signals of HcsSignalProcess.
const (
	CtrlC        Signal = "CtrlC"
	CtrlBreak    Signal = "CtrlBreak"
	CtrlClose    Signal = "CtrlClose"
	CtrlLogOff   Signal = "CtrlLogOff"
	CtrlShutdown Signal = "CtrlShutdown"
)

// SignalProcessOptions is the document of HcsSignalProcess.
type SignalProcessOptions struct {
	Signal Signal `json:"Signal,omitempty"`
}

// ModifyProcess is the document of HcsModifyProcess.
type ModifyProcess struct {
	Operation   string       `json:"Operation,omitempty"` // ConsoleSize or CloseHandle
	ConsoleSize *ConsoleSize `json:"ConsoleSize,omitempty"`
	CloseHandle *CloseHandle `json:"CloseHandle,omitempty"`
}

// ConsoleSize is in characters.
type ConsoleSize struct {
	Height uint16 `json:"Height,omitempty"`
	Width  uint16 `json:"Width,omitempty"`
}

// CloseHandle names a stream: StdIn, StdOut, StdErr, All.
type CloseHandle struct {
	Handle string `json:"Handle,omitempty"`
}

// ProcessStatus is the answer of HcsGetProcessProperties and the data of the process exit event.
type ProcessStatus struct {
	ProcessID      uint32 `json:"ProcessId,omitempty"`
	Exited         bool   `json:"Exited,omitempty"`
	ExitCode       uint32 `json:"ExitCode"`
	LastWaitResult int32  `json:"LastWaitResult"` // non-zero: the code is not known
}

// ExitType is how a compute system ended.
type ExitType string

// The exit types of SystemExitStatus.
const (
	ExitNone       ExitType = "None"
	ExitGraceful   ExitType = "GracefulExit"
	ExitForced     ExitType = "ForcedExit"
	ExitUnexpected ExitType = "UnexpectedExit"
	ExitUnknown    ExitType = "Unknown"
)

// SystemExitStatus is the data of the system exit event.
type SystemExitStatus struct {
	Status   int32    `json:"Status"`
	ExitType ExitType `json:"ExitType,omitempty"`
}

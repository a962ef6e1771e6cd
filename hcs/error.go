package hcs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs/schema"
)

// Code is an HRESULT as the service gave it. The two DLLs use two families for the same condition: 0x8037xxxx from computecore
// (HCS_E_*) and 0xC037xxxx from vmcompute (ERROR_VMCOMPUTE_*); see Code.Family.
type Code uint32

// Codes that this project names; values from winerror.h.
const (
	ErrTerminatedDuringStart   Code = 0x80370100
	ErrImageMismatch           Code = 0x80370101
	ErrInvalidState            Code = 0x80370105
	ErrUnexpectedExit          Code = 0x80370106
	ErrTerminated              Code = 0x80370107
	ErrUnknownMessage          Code = 0x8037010B
	ErrInvalidJSON             Code = 0x8037010D
	ErrSystemNotFound          Code = 0x8037010E
	ErrSystemAlreadyExists     Code = 0x8037010F
	ErrSystemAlreadyStopped    Code = 0x80370110
	ErrInvalidLayer            Code = 0x80370112
	ErrServiceNotAvailable     Code = 0x80370114
	ErrOperationNotStarted     Code = 0x80370115
	ErrOperationAlreadyStarted Code = 0x80370116
	ErrOperationPending        Code = 0x80370117
	ErrOperationTimeout        Code = 0x80370118
	ErrCallbackAlreadySet      Code = 0x80370119
	ErrHCSAccessDenied         Code = 0x8037011B
	ErrServiceDisconnect       Code = 0x8037011E
	ErrProcessAlreadyStopped   Code = 0x8037011F // the same value in both DLLs
	ErrNotImplemented          Code = 0x80004001
	ErrFileNotFound            Code = 0x80070002
	ErrPathNotFound            Code = 0x80070003
	ErrAccessDenied            Code = 0x80070005
	ErrInvalidHandle           Code = 0x80070006
	ErrInvalidData             Code = 0x8007000D
	ErrNotReady                Code = 0x80070015
	ErrSharingViolation        Code = 0x80070020
	ErrNotSupported            Code = 0x80070032
	ErrFileExists              Code = 0x80070050
	ErrInvalidArgument         Code = 0x80070057
	ErrBadExeFormat            Code = 0x800700C1
	ErrAlreadyExists           Code = 0x800700B7
	ErrInvalidDirectory        Code = 0x8007010B
	ErrElementNotFound         Code = 0x80070490
	ErrDeviceNotConnected      Code = 0x8007048F
	ErrServerUnavailable       Code = 0x800706BA // RPC_S_SERVER_UNAVAILABLE
	ErrCallFailed              Code = 0x800706BE // RPC_S_CALL_FAILED
	// What the start of a process can fail with, beside those above.
	ErrNotEnoughMemory   Code = 0x80070008
	ErrBadEnvironment    Code = 0x8007000A
	ErrOutOfMemory       Code = 0x8007000E
	ErrDiskFull          Code = 0x80070070
	ErrNameTooLong       Code = 0x800700CE
	ErrMachineMismatch   Code = 0x800700D8
	ErrVirus             Code = 0x800700E1
	ErrElevationRequired Code = 0x800702E4
	ErrBlockedByPolicy   Code = 0x800704EC
	ErrNoSuchUser        Code = 0x80070525
	ErrLogonFailure      Code = 0x8007052E // what HCS gives for a user that is not in the image
	ErrAccountDisabled   Code = 0x80070533
	ErrNoneMapped        Code = 0x80070534
	ErrNoResources       Code = 0x800705AA
	ErrPagefileTooSmall  Code = 0x800705AF

	ErrHCNNetworkNotFound  Code = 0x803B0001
	ErrHCNEndpointNotFound Code = 0x803B0002
	ErrHCNInvalidPolicy    Code = 0x803B000D
	ErrHCNPortExists       Code = 0x803B0013
	ErrHCNEndpointAttached Code = 0x803B0014
	ErrHCNInvalidJSON      Code = 0x803B001B
	ErrHCNInvalidIP        Code = 0x803B001E
	ErrHCNNamespaceExists  Code = 0x803B002B
)

// Family is the code with the vmcompute family folded into the computecore one, which is what all tables here are keyed by.
func (c Code) Family() Code {
	if c&0xFFFF0000 == 0xC0370000 {
		return c&^0xC0000000 | 0x80000000
	}
	return c
}

// V1 is the code as vmcompute.dll would give it. ErrProcessAlreadyStopped has one value in both DLLs.
func (c Code) V1() Code {
	if c&0xFFFF0000 == 0x80370000 && c != ErrProcessAlreadyStopped {
		return c | 0xC0000000
	}
	return c
}

// row is what one code means.
type row struct {
	kind error // errdefs kind, nil for "unknown"
	text string
}

// table is the one table from HRESULT to containerd's kinds and to the Windows text.
var table = map[Code]row{
	ErrTerminatedDuringStart:   {errdefs.ErrAborted, "The virtual machine or container exited unexpectedly while starting."},
	ErrImageMismatch:           {errdefs.ErrFailedPrecondition, "The container operating system does not match the host operating system."},
	ErrInvalidState:            {errdefs.ErrFailedPrecondition, "The requested virtual machine or container operation is not valid in the current state."},
	ErrUnexpectedExit:          {errdefs.ErrAborted, "The virtual machine or container exited unexpectedly."},
	ErrTerminated:              {errdefs.ErrAborted, "The virtual machine or container was forcefully exited."},
	ErrUnknownMessage:          {errdefs.ErrNotImplemented, "The virtual machine or container does not support the message."},
	ErrInvalidJSON:             {errdefs.ErrInvalidArgument, "The virtual machine or container JSON document is invalid."},
	ErrSystemNotFound:          {errdefs.ErrNotFound, "A virtual machine or container with the specified identifier does not exist."},
	ErrSystemAlreadyExists:     {errdefs.ErrAlreadyExists, "A virtual machine or container with the specified identifier already exists."},
	ErrSystemAlreadyStopped:    {errdefs.ErrNotFound, "The virtual machine or container with the specified identifier is not running."},
	ErrInvalidLayer:            {errdefs.ErrFailedPrecondition, "The layer is not valid."},
	ErrServiceNotAvailable:     {errdefs.ErrUnavailable, "The Host Compute Service is not available."},
	ErrOperationNotStarted:     {nil, "The operation has not started."},
	ErrOperationAlreadyStarted: {nil, "The operation is already running."},
	ErrOperationPending:        {nil, "The operation is still running."},
	ErrOperationTimeout:        {context.DeadlineExceeded, "The operation did not complete in time."},
	ErrCallbackAlreadySet:      {errdefs.ErrAlreadyExists, "A callback is already set."},
	ErrHCSAccessDenied:         {errdefs.ErrPermissionDenied, "Access is denied."},
	ErrServiceDisconnect:       {errdefs.ErrUnavailable, "The Host Compute Service was disconnected."},
	ErrProcessAlreadyStopped:   {errdefs.ErrNotFound, "The process has already exited."},
	ErrNotImplemented:          {errdefs.ErrNotImplemented, "Not implemented."},
	ErrFileNotFound:            {errdefs.ErrNotFound, "The system cannot find the file specified."},
	ErrPathNotFound:            {errdefs.ErrNotFound, "The system cannot find the path specified."},
	ErrAccessDenied:            {errdefs.ErrPermissionDenied, "Access is denied."},
	ErrInvalidHandle:           {errdefs.ErrFailedPrecondition, "The handle is invalid."},
	ErrInvalidData:             {errdefs.ErrInvalidArgument, "The data is invalid."},
	ErrNotReady:                {errdefs.ErrUnavailable, "The device is not ready."},
	ErrSharingViolation:        {errdefs.ErrUnavailable, "The process cannot access the file because it is being used by another process."},
	ErrNotSupported:            {errdefs.ErrNotImplemented, "The request is not supported."},
	ErrFileExists:              {errdefs.ErrAlreadyExists, "The file exists."},
	ErrInvalidArgument:         {errdefs.ErrInvalidArgument, "The parameter is incorrect."},
	ErrBadExeFormat:            {errdefs.ErrInvalidArgument, "%1 is not a valid Win32 application."},
	ErrAlreadyExists:           {errdefs.ErrAlreadyExists, "Cannot create a file when that file already exists."},
	ErrInvalidDirectory:        {errdefs.ErrInvalidArgument, "The directory name is invalid."},
	ErrElementNotFound:         {errdefs.ErrNotFound, "Element not found."},
	ErrDeviceNotConnected:      {errdefs.ErrUnavailable, "The device is not connected."},
	ErrServerUnavailable:       {errdefs.ErrUnavailable, "The RPC server is unavailable."},
	ErrCallFailed:              {errdefs.ErrUnavailable, "The remote procedure call failed."},
	ErrNotEnoughMemory:         {errdefs.ErrResourceExhausted, "Not enough memory resources are available to process this command."},
	ErrBadEnvironment:          {errdefs.ErrInvalidArgument, "The environment is incorrect."},
	ErrOutOfMemory:             {errdefs.ErrResourceExhausted, "Not enough memory resources are available to complete this operation."},
	ErrDiskFull:                {errdefs.ErrResourceExhausted, "There is not enough space on the disk."},
	ErrNameTooLong:             {errdefs.ErrInvalidArgument, "The filename or extension is too long."},
	ErrMachineMismatch:         {errdefs.ErrInvalidArgument, "This version of %1 is not compatible with the version of Windows you're running."},
	ErrVirus:                   {errdefs.ErrPermissionDenied, "Operation did not complete successfully because the file contains a virus or potentially unwanted software."},
	ErrElevationRequired:       {errdefs.ErrPermissionDenied, "The requested operation requires elevation."},
	ErrBlockedByPolicy:         {errdefs.ErrPermissionDenied, "This program is blocked by group policy."},
	ErrNoSuchUser:              {errdefs.ErrInvalidArgument, "The specified account does not exist."},
	ErrLogonFailure:            {errdefs.ErrInvalidArgument, "The user name or password is incorrect."},
	ErrAccountDisabled:         {errdefs.ErrInvalidArgument, "This user can't sign in because this account is currently disabled."},
	ErrNoneMapped:              {errdefs.ErrInvalidArgument, "No mapping between account names and security IDs was done."},
	ErrNoResources:             {errdefs.ErrResourceExhausted, "Insufficient system resources exist to complete the requested service."},
	ErrPagefileTooSmall:        {errdefs.ErrResourceExhausted, "The paging file is too small for this operation to complete."},
	ErrHCNNetworkNotFound:      {errdefs.ErrNotFound, "The network was not found."},
	ErrHCNEndpointNotFound:     {errdefs.ErrNotFound, "The endpoint was not found."},
	ErrHCNInvalidPolicy:        {errdefs.ErrInvalidArgument, "The policy is invalid."},
	ErrHCNPortExists:           {errdefs.ErrAlreadyExists, "The specified port already exists."},
	ErrHCNEndpointAttached:     {errdefs.ErrAlreadyExists, "The endpoint is already attached."},
	ErrHCNInvalidJSON:          {errdefs.ErrInvalidArgument, "The JSON document is invalid."},
	ErrHCNInvalidIP:            {errdefs.ErrInvalidArgument, "The IP address is either invalid or not part of any configured subnet(s)."},
	ErrHCNNamespaceExists:      {errdefs.ErrAlreadyExists, "The endpoint already has a namespace."},
}

// Error makes a Code an error by itself, so that errors.Is(err, ErrSystemNotFound) works through an *Error.
func (c Code) Error() string {
	if r, ok := table[c.Family()]; ok {
		return fmt.Sprintf("%s (0x%08x)", r.text, uint32(c))
	}
	return fmt.Sprintf("HRESULT 0x%08x", uint32(c))
}

// Text is the Windows message of the code, empty when it is not in the table.
func (c Code) Text() string { return table[c.Family()].text }

// Is matches the errdefs kind of the code and the same code of the other family.
func (c Code) Is(target error) bool {
	if t, ok := target.(Code); ok {
		return c.Family() == t.Family()
	}
	kind := table[c.Family()].kind
	return kind != nil && kind == target
}

// Error is a failed OS call: which, on what, why.
type Error struct {
	Op      string // the call, such as "HcsCreateComputeSystem"
	ID      string // the compute system, layer or namespace it was about
	Code    Code
	Message string              // the service's own text, when it differs from the code's
	Events  []schema.ErrorEvent // the service's details
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.ID != "" {
		b.WriteString(" " + e.ID)
	}
	b.WriteString(": " + e.Code.Error())
	if e.Message != "" && e.Message != e.Code.Text() {
		b.WriteString(": " + e.Message)
	}
	for _, ev := range e.Events {
		if ev.Message != "" {
			b.WriteString(" [" + ev.Message + "]")
		}
	}
	return b.String()
}

// Unwrap gives the code, which answers errors.Is for errdefs kinds and for codes of either family.
func (e *Error) Unwrap() error { return e.Code }

// CodeOf is the code inside err, 0 when there is none.
func CodeOf(err error) Code {
	var c Code
	if errors.As(err, &c) {
		return c
	}
	return 0
}

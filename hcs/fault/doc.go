// Package fault injects failures into calls of the Host Compute Service. The same rules work in process, where Wrap puts them around
// an hcs.Machine, and in the rig's service, which looks at them before it serves a call.
//
// A rule is one line:
//
//	CALL [id=GLOB] [delay DURATION] [ACTION] [skip=N] [times=N]
//
//	HcsStartComputeSystem id=web* fail 0x80370105 skip=1 times=2
//	ActivateLayer delay 2s
//	HcsCreateComputeSystem lose
//	ProcessExited id=web drop-event
//
// CALL is one of Calls, or * for all of them but the events. GLOB is compared with the id of the compute system, also for calls on
// its processes, the path of a layer or pipe, or the GUID of a network object; without case; * stands for any text and ? for any
// character. ACTION is one of
//
//	fail CODE    the call is not made; its answer is the HRESULT CODE
//	lose [CODE]  the call is made and its answer is lost: the caller gets CODE, by default 0x80370118 (operation timed out)
//	hang         the call does not begin before the rules are cleared; then it is made
//	drop-event   the exit event never comes; for SystemExited and ProcessExited only, which take no other action
//
// With a delay the call begins after it, and then meets the action. skip lets the first N matching calls pass, times ends the rule
// after N more. The first rule with something left to do decides; a call that a rule lets pass is counted by it and then looks at the
// next rule.
//
// In process, a caller whose context ends during a delay or a hang gets ErrOperationTimeout and the call is not made; the event rules
// are looked at when the handle is made. In the rig, the caller gets no answer at all, and the event rules are looked at when the
// exit happens.
package fault

import "slices"

// Call is the name of a call: of the DLL's function where there is one, as in package wire.
type Call string

// Events are what drop-event applies to.
const (
	SystemExited  Call = "SystemExited"
	ProcessExited Call = "ProcessExited"
)

// Calls are all names that a rule may begin with.
func Calls() []Call { return slices.Clone(calls) }

var calls = []Call{
	SystemExited, ProcessExited,
	// Compute systems.
	"HcsCreateComputeSystem", "HcsOpenComputeSystem", "HcsCloseComputeSystem", "HcsStartComputeSystem", "HcsShutDownComputeSystem",
	"HcsTerminateComputeSystem", "HcsPauseComputeSystem", "HcsResumeComputeSystem", "HcsSaveComputeSystem", "HcsCrashComputeSystem",
	"HcsGetComputeSystemProperties", "HcsModifyComputeSystem", "HcsEnumerateComputeSystems", "HcsWatchComputeSystem",
	// Processes.
	"HcsCreateProcess", "HcsOpenProcess", "HcsCloseProcess", "HcsTerminateProcess", "HcsSignalProcess", "HcsGetProcessInfo",
	"HcsGetProcessProperties", "HcsModifyProcess", "HcsWatchProcess",
	// The service.
	"HcsGetServiceProperties", "HcsModifyServiceSettings", "HNSCall", "GrantVmAccess", "HcsRevokeVmAccess", "HcsGrantVmGroupAccess",
	"HcsRevokeVmGroupAccess", "HcsSubmitWerReport", "HcsCreateEmptyGuestStateFile", "HcsCreateEmptyRuntimeStateFile",
	"HcsGetProcessorCompatibilityFromSavedState", "HcsInitializeLiveMigrationOnSource", "HcsStartLiveMigrationOnSource",
	"HcsStartLiveMigrationTransfer", "HcsFinalizeLiveMigration", "HcsCancelLiveMigration",
	// The job object of a silo.
	"NtOpenJobObject", "NtSetInformationJobObject",
	// Layers.
	"CreateLayer", "CreateSandboxLayer", "ActivateLayer", "DeactivateLayer", "PrepareLayer", "UnprepareLayer", "GetLayerMountPath",
	"ExpandSandboxSize", "DestroyLayer", "LayerExists", "ImportLayer", "ExportLayer", "CopyLayer", "ProcessBaseImage",
	"ProcessUtilityImage", "NameToGuid", "GetBaseImages",
	"HcsImportLayer", "HcsExportLayer", "HcsExportLegacyWritableLayer", "HcsDestroyLayer", "HcsSetupBaseOSLayer", "HcsSetupBaseOSVolume",
	"HcsInitializeWritableLayer", "HcsInitializeLegacyWritableLayer", "HcsAttachLayerStorageFilter", "HcsDetachLayerStorageFilter",
	"HcsAttachOverlayFilter", "HcsDetachOverlayFilter", "HcsFormatWritableLayerVhd", "HcsGetLayerVhdMountPath",
	"BfSetupFilter", "BfRemoveMapping", "BfGetMappings",
	// Networks.
	"HcnEnumerateNetworks", "HcnCreateNetwork", "HcnOpenNetwork", "HcnModifyNetwork", "HcnQueryNetworkProperties", "HcnDeleteNetwork", "HcnCloseNetwork",
	"HcnEnumerateEndpoints", "HcnCreateEndpoint", "HcnOpenEndpoint", "HcnModifyEndpoint", "HcnQueryEndpointProperties", "HcnDeleteEndpoint", "HcnCloseEndpoint",
	"HcnEnumerateNamespaces", "HcnCreateNamespace", "HcnOpenNamespace", "HcnModifyNamespace", "HcnQueryNamespaceProperties", "HcnDeleteNamespace", "HcnCloseNamespace",
	"HcnEnumerateLoadBalancers", "HcnCreateLoadBalancer", "HcnOpenLoadBalancer", "HcnModifyLoadBalancer", "HcnQueryLoadBalancerProperties", "HcnDeleteLoadBalancer", "HcnCloseLoadBalancer",
	"HcnEnumerateSdnRoutes", "HcnCreateSdnRoute", "HcnOpenSdnRoute", "HcnModifySdnRoute", "HcnQuerySdnRouteProperties", "HcnDeleteSdnRoute", "HcnCloseSdnRoute",
	// The host, in process only: these are no calls of the service.
	"HasScratch", "Facts", "DialPipe", "ListenPipe", "ResolvePath", "Spawn", "AssignProcessToJobObject",
}

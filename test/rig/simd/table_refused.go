package main

// refused is an entry for a call that the model does not have; about tells which argument it is about, -1 for none. The attempt is in
// the journal, and the error says why.
func refused(args, about int, why string) *entry {
	id := nothing
	if about >= 0 {
		id = text(about)
	}
	return &entry{args: args, makes: -1, about: id, run: func(r *request) ([]string, error) {
		return nil, r.client.Refused(r.name, r.entry.about(r), why)
	}}
}

// storageCalls are computestorage's. In process isolation only the overlay filter is reached (hcs-api §1.3).
func storageCalls() map[string]*entry {
	calls := map[string]*entry{
		"HcsAttachOverlayFilter": {args: 2, makes: -1, about: text(0), run: func(r *request) ([]string, error) {
			return nil, r.client.AttachOverlayFilter(r.args[0], r.args[1])
		}},
		"HcsDetachOverlayFilter": {args: 2, makes: -1, about: text(0), run: func(r *request) ([]string, error) {
			return nil, r.client.DetachOverlayFilter(r.args[0], r.args[1])
		}},
	}
	for name, args := range map[string]int{
		"HcsImportLayer": 3, "HcsExportLayer": 4, "HcsExportLegacyWritableLayer": 4, "HcsDestroyLayer": 1, "HcsSetupBaseOSLayer": 3,
		"HcsSetupBaseOSVolume": 3, "HcsInitializeWritableLayer": 3, "HcsInitializeLegacyWritableLayer": 4, "HcsAttachLayerStorageFilter": 2,
		"HcsDetachLayerStorageFilter": 1, "HcsFormatWritableLayerVhd": 1, "HcsGetLayerVhdMountPath": 1,
	} {
		calls[name] = refused(args, 0, "process isolation uses the layer functions of vmcompute.dll")
	}
	return calls
}

// machineCalls are for virtual machines, their files and their migration.
func machineCalls() map[string]*entry {
	calls := map[string]*entry{}
	for name, args := range map[string]int{
		"GrantVmAccess": 2, "HcsRevokeVmAccess": 2, "HcsGrantVmGroupAccess": 1, "HcsRevokeVmGroupAccess": 1, "HcsSubmitWerReport": 1,
		"HcsCreateEmptyGuestStateFile": 1, "HcsCreateEmptyRuntimeStateFile": 1, "HcsGetProcessorCompatibilityFromSavedState": 1,
	} {
		calls[name] = refused(args, 0, "there are no virtual machines")
	}
	for _, name := range []string{
		"HcsInitializeLiveMigrationOnSource", "HcsStartLiveMigrationOnSource", "HcsStartLiveMigrationTransfer", "HcsFinalizeLiveMigration",
		"HcsCancelLiveMigration",
	} {
		e := refused(3, -1, "a container cannot migrate")
		e.abi, e.about = true, named(1)
		calls[name] = e
	}
	return calls
}

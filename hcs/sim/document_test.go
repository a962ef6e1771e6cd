package sim_test

import (
	"encoding/json"
	"strings"
	"testing"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

const hyperVNotInstalled hcs.Code = 0x80370102

// TestDocumentRules changes one thing of a good document at a time. edit replaces the first text by the second in its JSON.
func TestDocumentRules(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		want     hcs.Code
		says     string
	}{
		"good":                          {"", "", 0, ""},
		"unknown field":                 {`"Owner"`, `"Ownr":"x","Owner"`, hcs.ErrInvalidJSON, "unknown field Ownr"},
		"unknown nested field":          {`"Path":"\\\\?`, `"Pth":1,"Path":"\\\\?`, hcs.ErrInvalidJSON, "unknown field Container.Storage.Pth"},
		"unknown field in a list":       {`{"Id":`, `{"ID":"x","Id":`, hcs.ErrInvalidJSON, "unknown field Container.Storage.Layers.ID"},
		"field in the wrong case":       {`"Owner"`, `"owner"`, hcs.ErrInvalidJSON, "unknown field owner"},
		"field given twice":             {`"Owner"`, `"Owner":"a","Owner"`, hcs.ErrInvalidJSON, "Owner is given twice"},
		"wrong type":                    {`"Owner":"test"`, `"Owner":7`, hcs.ErrInvalidJSON, "Owner"},
		"text after":                    {`"ShouldTerminateOnLastHandleClosed":true}`, `"ShouldTerminateOnLastHandleClosed":true}}`, hcs.ErrInvalidJSON, ""},
		"no JSON":                       {`{"Owner"`, `"Owner"`, hcs.ErrInvalidJSON, ""},
		"schema 1":                      {`"Owner"`, `"SystemType":"Container","Owner"`, hcs.ErrNotSupported, "schema 1"},
		"version 1":                     {`"Major":2`, `"Major":1`, hcs.ErrInvalidJSON, "1.1"},
		"version 3":                     {`"Major":2`, `"Major":3`, hcs.ErrInvalidJSON, "3.1"},
		"newest version":                {`"Minor":1`, `"Minor":5`, 0, ""},
		"version too new":               {`"Minor":1`, `"Minor":6`, hcs.ErrInvalidJSON, "2.6"},
		"two kinds":                     {`"Owner"`, `"VirtualMachine":{},"Owner"`, hcs.ErrInvalidJSON, "got 2"},
		"hosting system":                {`"Owner"`, `"HostingSystemId":"vm","Owner"`, hcs.ErrSystemNotFound, "vm"},
		"inside a VM only":              {`"Storage"`, `"IsolationType":"HostProcess","Storage"`, hcs.ErrNotSupported, "HostProcess"},
		"no layers":                     {`[{"Id":"LID2","Path":"C:\\layers\\2"},{"Id":"LID1","Path":"C:\\layers\\1"}]`, `[]`, hcs.ErrInvalidArgument, "Layers is empty"},
		"layer that does not exist":     {`C:\\layers\\2`, `C:\\layers\\9`, hcs.ErrPathNotFound, "9"},
		"layer id that is no GUID":      {`"LID2"`, `"two"`, hcs.ErrInvalidArgument, "two"},
		"layers in the wrong order":     {`[{"Id":"LID2","Path":"C:\\layers\\2"},{"Id":"LID1","Path":"C:\\layers\\1"}]`, `[{"Id":"LID1","Path":"C:\\layers\\1"},{"Id":"LID2","Path":"C:\\layers\\2"}]`, hcs.ErrInvalidLayer, "parents"},
		"a layer is missing":            {`,{"Id":"LID1","Path":"C:\\layers\\1"}`, ``, hcs.ErrInvalidLayer, "parents"},
		"path in another spelling":      {`C:\\layers\\2`, `\\\\?\\c:\\LAYERS\\2\\`, 0, ""},
		"path without backslash":        {`}\\"`, `}"`, hcs.ErrInvalidArgument, "backslash"},
		"volume that does not exist":    {`Volume{`, `Volume{0`, hcs.ErrPathNotFound, "no volume"},
		"privileged root":               {`"Path":"\\\\?`, `"PrivilegedContainerRootPath":"C:\\hpc","Path":"\\\\?`, hcs.ErrNotSupported, "Privileged"},
		"negative QoS":                  {`"Path":"\\\\?`, `"QoS":{"IopsMaximum":-1},"Path":"\\\\?`, hcs.ErrInvalidArgument, "QoS"},
		"QoS":                           {`"Path":"\\\\?`, `"QoS":{"IopsMaximum":100},"Path":"\\\\?`, 0, ""},
		"host name":                     {`"Storage"`, `"GuestOs":{"HostName":"h"},"Storage"`, 0, ""},
		"mount":                         {`"Storage"`, `"MappedDirectories":[{"HostPath":"C:\\data","ContainerPath":"C:\\d"}],"Storage"`, 0, ""},
		"mount by Wine's volume":        {`"Storage"`, `"MappedDirectories":[{"HostPath":"\\\\?\\Volume{00000000-0000-0000-0000-000000000043}\\data","ContainerPath":"C:\\d","ReadOnly":true}],"Storage"`, 0, ""},
		"mount of a file":               {`"Storage"`, `"MappedDirectories":[{"HostPath":"C:\\logs\\end.log","ContainerPath":"C:\\dev\\termination-log"}],"Storage"`, 0, ""},
		"layer that is a file":          {`C:\\layers\\2`, `C:\\logs\\end.log`, hcs.ErrPathNotFound, "end.log"},
		"mount of nothing":              {`"Storage"`, `"MappedDirectories":[{"HostPath":"C:\\none","ContainerPath":"C:\\d"}],"Storage"`, hcs.ErrPathNotFound, "none"},
		"mount to a relative path":      {`"Storage"`, `"MappedDirectories":[{"HostPath":"C:\\data","ContainerPath":"d"}],"Storage"`, hcs.ErrInvalidArgument, "absolute"},
		"mount with slashes":            {`"Storage"`, `"MappedDirectories":[{"HostPath":"C:\\data","ContainerPath":"C:/d"}],"Storage"`, hcs.ErrInvalidArgument, "absolute"},
		"two mounts at one place":       {`"Storage"`, `"MappedDirectories":[{"HostPath":"C:\\data","ContainerPath":"C:\\d"},{"HostPath":"C:\\data","ContainerPath":"c:\\D\\"}],"Storage"`, hcs.ErrInvalidArgument, "twice"},
		"pipe":                          {`"Storage"`, `"MappedPipes":[{"ContainerPipeName":"p","HostPath":"\\\\.\\pipe\\h"}],"Storage"`, 0, ""},
		"pipe with a path inside":       {`"Storage"`, `"MappedPipes":[{"ContainerPipeName":"\\\\.\\pipe\\p","HostPath":"\\\\.\\pipe\\h"}],"Storage"`, hcs.ErrInvalidArgument, "bare"},
		"pipe that is a file":           {`"Storage"`, `"MappedPipes":[{"ContainerPipeName":"p","HostPath":"C:\\data"}],"Storage"`, hcs.ErrInvalidArgument, "not a pipe"},
		"memory":                        {`"Storage"`, `"Memory":{"SizeInMB":256},"Storage"`, 0, ""},
		"no memory limit":               {`"Storage"`, `"Memory":{},"Processor":{},"Storage"`, 0, ""},
		"too much memory":               {`"Storage"`, `"Memory":{"SizeInMB":2199023255552},"Storage"`, hcs.ErrInvalidArgument, "SizeInMB"},
		"negative memory":               {`"Storage"`, `"Memory":{"SizeInMB":-1},"Storage"`, hcs.ErrInvalidJSON, ""},
		"processor count":               {`"Storage"`, `"Processor":{"Count":2},"Storage"`, 0, ""},
		"more processors than there":    {`"Storage"`, `"Processor":{"Count":3},"Storage"`, hcs.ErrInvalidArgument, "Count 3"},
		"processor maximum":             {`"Storage"`, `"Processor":{"Maximum":10000},"Storage"`, 0, ""},
		"processor maximum above":       {`"Storage"`, `"Processor":{"Maximum":10001},"Storage"`, hcs.ErrInvalidArgument, "Maximum"},
		"processor weight below":        {`"Storage"`, `"Processor":{"Weight":-1},"Storage"`, hcs.ErrInvalidArgument, "Weight"},
		"processor count and weight":    {`"Storage"`, `"Processor":{"Count":1,"Weight":5},"Storage"`, hcs.ErrInvalidArgument, "one of"},
		"namespace":                     {`"Storage"`, `"Networking":{"Namespace":"d2348bfa-8458-48a8-bb99-0a7000c73db3"},"Storage"`, 0, ""},
		"namespace that does not exist": {`"Storage"`, `"Networking":{"Namespace":"00348bfa-8458-48a8-bb99-0a7000c73db3"},"Storage"`, hcs.ErrElementNotFound, "Namespace"},
		"namespace that is no GUID":     {`"Storage"`, `"Networking":{"Namespace":"net"},"Storage"`, hcs.ErrInvalidArgument, "GUID"},
		"adapter that does not exist":   {`"Storage"`, `"Networking":{"NetworkAdapters":["d2348bfa-8458-48a8-bb99-0a7000c73db3"]},"Storage"`, hcs.ErrHCNEndpointNotFound, ""},
		"shared with nobody":            {`"Storage"`, `"Networking":{"NetworkSharedContainerName":"none"},"Storage"`, hcs.ErrSystemNotFound, "none"},
		"device":                        {`"Storage"`, `"AssignedDevices":[{"Type":"ClassGuid","InterfaceClassGuid":"x"}],"Storage"`, 0, ""},
		"device of no type":             {`"Storage"`, `"AssignedDevices":[{"Type":"Toaster"}],"Storage"`, hcs.ErrInvalidArgument, "Toaster"},
		"registry":                      {`"Storage"`, `"RegistryChanges":{"AddValues":[{"Key":{"Hive":"System","Name":"a"},"Name":"b","Type":"String"}]},"Storage"`, 0, ""},
		"registry hive":                 {`"Storage"`, `"RegistryChanges":{"DeleteKeys":[{"Hive":"Hklm","Name":"a"}]},"Storage"`, hcs.ErrInvalidJSON, "Hklm"},
		"registry type":                 {`"Storage"`, `"RegistryChanges":{"AddValues":[{"Key":{"Hive":"System","Name":"a"},"Name":"b","Type":"Text"}]},"Storage"`, hcs.ErrInvalidJSON, "Text"},
		"registry value without key":    {`"Storage"`, `"RegistryChanges":{"AddValues":[{"Name":"b","Type":"String"}]},"Storage"`, hcs.ErrInvalidArgument, "key"},
	} {
		t.Run(name, func(t *testing.T) {
			inNode(t, sim.Config{}, func(n *node) {
				n.svc.Store().(*sim.Memory).AddDir(`C:\data`)
				n.svc.Store().(*sim.Memory).AddFile(`C:\logs\end.log`)
				n.svc.AddNamespace("D2348BFA-8458-48A8-BB99-0A7000C73DB3")
				b, err := json.Marshal(document(n.mount()))
				n.must(err)
				doc := strings.NewReplacer(sim.NameToGUID("1"), "LID1", sim.NameToGUID("2"), "LID2").Replace(string(b))
				if !strings.Contains(doc, c.old) {
					t.Fatalf("%s is not in %s", c.old, doc)
				}
				doc = strings.Replace(doc, c.old, c.new, 1)
				doc = strings.NewReplacer("LID1", sim.NameToGUID("1"), "LID2", sim.NameToGUID("2")).Replace(doc)
				err = n.client.CreateComputeSystem(1, "web", doc)
				if hcs.CodeOf(err) != c.want || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Fatalf("%v; want %v, saying %q\n%s", err, c.want, c.says, doc)
				}
				if exists := len(n.svc.State().Systems) == 1; exists != (err == nil) {
					t.Errorf("the system exists: %t", exists)
				}
			})
		})
	}
}

func TestVirtualMachineNeedsAHypervisor(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		version := `"SchemaVersion":{"Major":2,"Minor":1}`
		n.is(n.client.CreateComputeSystem(1, "vm", `{`+version+`,"VirtualMachine":{"anything":1}}`), hyperVNotInstalled)
		n.is(n.client.CreateComputeSystem(2, "c", `{`+version+`,"HostingSystemId":"vm","HostedSystem":{}}`), hcs.ErrSystemNotFound)
		n.is(n.client.CreateComputeSystem(3, "", `{`+version+`,"Container":{}}`), hcs.ErrInvalidArgument)
		n.is(n.client.CreateComputeSystem(4, "c", `{`+version+`}`), hcs.ErrInvalidJSON)
		n.is(n.client.CreateComputeSystem(5, "c", ``), hcs.ErrInvalidJSON)
	})
}

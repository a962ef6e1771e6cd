// Package device is the room for host devices shown in a process-isolated container.
package device

import (
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/schema"
)

// Resolve turns windows.devices into the document's list.
func Resolve(devices []specs.WindowsDevice) ([]schema.Device, error) {
	var out []schema.Device
	for i, d := range devices {
		if d.ID == "" {
			return nil, fmt.Errorf("windows.devices[%d].id is empty: %w", i, errdefs.ErrInvalidArgument)
		}
		switch d.IDType {
		case "class", "vpci-class-guid": // "class" is the older name
			out = append(out, schema.Device{InterfaceClassGUID: d.ID})
		case "vpci-location-path":
			out = append(out, schema.Device{Type: "DeviceInstance", LocationPath: d.ID})
		default:
			return nil, fmt.Errorf("windows.devices[%d].idType %q: process-isolated containers take class, vpci-class-guid and vpci-location-path: %w", i, d.IDType, errdefs.ErrInvalidArgument)
		}
	}
	return out, nil
}

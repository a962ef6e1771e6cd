module containerd-shim-hcs/test/compat

go 1.26.0

require (
	github.com/containerd/containerd v1.6.36
	github.com/gogo/protobuf v1.3.2
)

require (
	github.com/containerd/ttrpc v1.1.2 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/sirupsen/logrus v1.9.3 // indirect
	golang.org/x/sys v0.18.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20230822172742-b8732ec3820d // indirect
	google.golang.org/grpc v1.59.0 // indirect
	google.golang.org/protobuf v1.33.0 // indirect
)

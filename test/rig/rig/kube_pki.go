//go:build linux

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// identities are the cluster's certificates, all of one authority. Kubernetes takes the common name for the user and the organizations for
// its groups (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates); these are the names that its
// built-in roles are bound to.
var identities = []identity{
	{name: "kube-apiserver", user: "kube-apiserver", serves: true},
	{name: "kubelet-server", user: nodeName, serves: true},
	{name: "kubelet", user: "system:node:" + nodeName, group: "system:nodes"},
	{name: "apiserver-kubelet", user: "kube-apiserver-kubelet-client", group: "system:masters"},
	{name: "kube-controller-manager", user: "system:kube-controller-manager"},
	{name: "kube-scheduler", user: "system:kube-scheduler"},
	{name: "admin", user: "admin", group: "system:masters"},
}

type identity struct {
	name        string // of its files
	user, group string
	serves      bool // as localhost; the others are clients
}

// makePKI makes the directory with ca, the identities (NAME.crt, NAME.key) and the service accounts' key pair (sa.key, sa.pub), if it is
// not there. They are valid for ten years: nobody renews those of a rig.
func makePKI(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Under another name until it is whole.
	part := dir + ".new"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.MkdirAll(part, 0o700); err != nil {
		return err
	}
	ca, caKey, err := makeAuthority(part)
	if err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	for _, id := range identities {
		key, err := writeKey(part, id.name)
		if err != nil {
			return err
		}
		cert := certificate(id.user)
		cert.KeyUsage = x509.KeyUsageDigitalSignature
		cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if id.group != "" {
			cert.Subject.Organization = []string{id.group}
		}
		if id.serves {
			cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			cert.DNSNames, cert.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		}
		if err := writeCertificate(part, id.name, cert, ca, key.Public(), caKey); err != nil {
			return fmt.Errorf("certificate of %s: %w", id.name, err)
		}
	}
	accounts, err := writeKey(part, "sa")
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(accounts.Public())
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(part, "sa.pub"), "PUBLIC KEY", public); err != nil {
		return err
	}
	return os.Rename(part, dir)
}

func makeAuthority(dir string) (*x509.Certificate, crypto.Signer, error) {
	key, err := writeKey(dir, "ca")
	if err != nil {
		return nil, nil, err
	}
	cert := certificate("containerd-shim-hcs rig")
	cert.IsCA, cert.BasicConstraintsValid = true, true
	cert.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	return cert, key, writeCertificate(dir, "ca", cert, cert, key.Public(), key)
}

// certificate has what all have. Its serial number is chosen when it is signed.
func certificate(user string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: user},
		NotBefore: now.Add(-time.Hour), // a clock may be set back
		NotAfter:  now.AddDate(10, 0, 0),
	}
}

func writeCertificate(dir, name string, cert, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) error {
	var err error
	if cert.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, public, signer)
	if err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, name+".crt"), "CERTIFICATE", der)
}

func writeKey(dir, name string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(filepath.Join(dir, name+".key"), "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

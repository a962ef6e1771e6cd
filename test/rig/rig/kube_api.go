//go:build linux

package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// kubeAPI is the API server as the cluster's administrator.
type kubeAPI struct {
	url    string
	client *http.Client
}

// newKubeAPI takes the administrator's certificate from the directory that makePKI made.
func newKubeAPI(url, pki string) (*kubeAPI, error) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(pki, "admin.crt"), filepath.Join(pki, "admin.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(pki, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("no certificate in %s", filepath.Join(pki, "ca.crt"))
	}
	return &kubeAPI{url, &http.Client{
		Timeout: 10 * time.Second,
		// No proxy: everything is on this machine.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots}},
	}}, nil
}

// ready is an error that names the failing checks until the API server is.
func (k *kubeAPI) ready() error { return k.get("/readyz", nil) }

// get decodes the object at path into out, if there is an out.
func (k *kubeAPI) get(path string, out any) error {
	_, err := k.do(http.MethodGet, path, nil, out)
	return err
}

// create posts an object; one that is there already is no error, and stays as it is.
func (k *kubeAPI) create(path string, object any) error {
	status, err := k.do(http.MethodPost, path, object, nil)
	if status == http.StatusConflict {
		return nil
	}
	return err
}

func (k *kubeAPI) do(method, path string, in, out any) (status int, err error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, k.url+path, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := k.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return resp.StatusCode, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, bytes.TrimSpace(b))
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			return resp.StatusCode, fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	return resp.StatusCode, nil
}

// node is what is looked at of a v1.Node.
type node struct {
	Spec struct {
		Taints []struct{ Key string }
	}
	Status struct {
		Conditions []struct {
			Type, Status, Message string
			LastHeartbeatTime     time.Time
		}
	}
}

// takesPods is an error while the node is not Ready by a report since that moment, or still has the taint of one that is not, which the
// node lifecycle controller removes a little later.
func (n node) takesPods(since time.Time) error {
	for _, c := range n.Status.Conditions {
		if c.Type != "Ready" {
			continue
		}
		if c.Status != "True" {
			return fmt.Errorf("the node is not Ready: %s", c.Message)
		}
		// Times of the API are in whole seconds.
		if c.LastHeartbeatTime.Before(since.Truncate(time.Second)) {
			return fmt.Errorf("the node has not reported since %s", c.LastHeartbeatTime.Format(time.TimeOnly))
		}
		for _, t := range n.Spec.Taints {
			if t.Key == "node.kubernetes.io/not-ready" || t.Key == "node.kubernetes.io/unreachable" {
				return fmt.Errorf("the node is Ready and still has the taint %s", t.Key)
			}
		}
		return nil
	}
	return fmt.Errorf("the node has not told whether it is Ready")
}

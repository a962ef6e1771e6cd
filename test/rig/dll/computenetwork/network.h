// computenetwork.dll: the HCN ABI (hcs-api §1.4). Five kinds of objects have the same seven functions; one table row each tells them
// apart.
#ifndef COMPUTENETWORK_NETWORK_H
#define COMPUTENETWORK_NETWORK_H

#include "sim.h"

typedef struct hcn_kind {
    sim_kind kind;
    const char *enumerate;
    const char *create;
    const char *open;
    const char *modify;
    const char *query;
    const char *delete;
    const char *close;
} hcn_kind;

// Every function's last argument is the error record: NULL on success, because clients take any text in it for an error.
HRESULT hcn_enumerate(const hcn_kind *kind, PCWSTR query, PWSTR *ids, PWSTR *error);
// network is the endpoint's, NULL for the other kinds.
HRESULT hcn_create(const hcn_kind *kind, const HANDLE *network, const GUID *id, PCWSTR settings, HANDLE *made, PWSTR *error);
HRESULT hcn_open(const hcn_kind *kind, const GUID *id, HANDLE *made, PWSTR *error);
HRESULT hcn_modify(const hcn_kind *kind, HANDLE object, PCWSTR settings, PWSTR *error);
HRESULT hcn_query(const hcn_kind *kind, HANDLE object, PCWSTR query, PWSTR *properties, PWSTR *error);
HRESULT hcn_delete(const hcn_kind *kind, const GUID *id, PWSTR *error);
HRESULT hcn_close(const hcn_kind *kind, HANDLE object);

#endif

// The exports by kind. A macro writes them: they differ in the kind's name only, and in the network that an endpoint is made on.
#include "network.h"

#define ROW(variable, number, T)                                                                                                   \
    static const hcn_kind variable = {                                                                                             \
        .kind = number,                                                                                                            \
        .enumerate = "HcnEnumerate" #T "s",                                                                                        \
        .create = "HcnCreate" #T,                                                                                                  \
        .open = "HcnOpen" #T,                                                                                                      \
        .modify = "HcnModify" #T,                                                                                                  \
        .query = "HcnQuery" #T "Properties",                                                                                       \
        .delete = "HcnDelete" #T,                                                                                                  \
        .close = "HcnClose" #T,                                                                                                    \
    }

ROW(network, SIM_NETWORK, Network);
ROW(endpoint, SIM_ENDPOINT, Endpoint);
ROW(namespace, SIM_NAMESPACE, Namespace);
ROW(load_balancer, SIM_LOAD_BALANCER, LoadBalancer);
ROW(sdn_route, SIM_SDN_ROUTE, SdnRoute);

#define EXPORTS(variable, T)                                                                                                       \
    HCS_EXPORT HRESULT WINAPI HcnEnumerate##T##s(PCWSTR query, PWSTR *ids, PWSTR *error)                                           \
    {                                                                                                                              \
        return hcn_enumerate(&variable, query, ids, error);                                                                        \
    }                                                                                                                              \
    HCS_EXPORT HRESULT WINAPI HcnOpen##T(const GUID *id, HANDLE *object, PWSTR *error)                                             \
    {                                                                                                                              \
        return hcn_open(&variable, id, object, error);                                                                             \
    }                                                                                                                              \
    HCS_EXPORT HRESULT WINAPI HcnModify##T(HANDLE object, PCWSTR settings, PWSTR *error)                                           \
    {                                                                                                                              \
        return hcn_modify(&variable, object, settings, error);                                                                     \
    }                                                                                                                              \
    HCS_EXPORT HRESULT WINAPI HcnQuery##T##Properties(HANDLE object, PCWSTR query, PWSTR *properties, PWSTR *error)                \
    {                                                                                                                              \
        return hcn_query(&variable, object, query, properties, error);                                                             \
    }                                                                                                                              \
    HCS_EXPORT HRESULT WINAPI HcnDelete##T(const GUID *id, PWSTR *error)                                                           \
    {                                                                                                                              \
        return hcn_delete(&variable, id, error);                                                                                   \
    }                                                                                                                              \
    HCS_EXPORT HRESULT WINAPI HcnClose##T(HANDLE object)                                                                           \
    {                                                                                                                              \
        return hcn_close(&variable, object);                                                                                       \
    }

#define CREATE(variable, T)                                                                                                        \
    HCS_EXPORT HRESULT WINAPI HcnCreate##T(const GUID *id, PCWSTR settings, HANDLE *object, PWSTR *error)                          \
    {                                                                                                                              \
        return hcn_create(&variable, NULL, id, settings, object, error);                                                           \
    }

EXPORTS(network, Network)
EXPORTS(endpoint, Endpoint)
EXPORTS(namespace, Namespace)
EXPORTS(load_balancer, LoadBalancer)
EXPORTS(sdn_route, SdnRoute)

CREATE(network, Network)
CREATE(namespace, Namespace)
CREATE(load_balancer, LoadBalancer)
CREATE(sdn_route, SdnRoute)

HCS_EXPORT HRESULT WINAPI HcnCreateEndpoint(HANDLE on, const GUID *id, PCWSTR settings, HANDLE *object, PWSTR *error)
{
    return hcn_create(&endpoint, &on, id, settings, object, error);
}

// The seven functions, for any kind.
#include "network.h"

#include <stdio.h>

static void destroy(sim_object *object)
{
    sim_free(object);
}

static const sim_class class = {NULL, NULL, destroy};

// The service's document, or one that says as much as the code does.
static HRESULT failed(HRESULT code, const sim_reply *reply, PWSTR *error)
{
    char record[128];

    if (!error)
        return code;
    *error = sim_out_text(sim_field(reply, 0));
    if (!*error) {
        snprintf(record, sizeof record, "{\"Success\":false,\"Error\":\"HRESULT 0x%08lx\",\"ErrorCode\":%lu}", (DWORD)code, (DWORD)code);
        *error = sim_out_text(record);
    }
    return code;
}

static HRESULT call(sim_request *request, UINT32 epoch, PWSTR *out, PWSTR *error)
{
    sim_reply *reply;

    if (out)
        *out = NULL;
    if (error)
        *error = NULL;
    HRESULT code = sim_call(request, epoch, &reply);
    if (FAILED(code))
        failed(code, reply, error);
    else if (out)
        *out = sim_out_text(sim_field(reply, 0));
    sim_reply_free(reply);
    return code;
}

static void add_guid(sim_request *request, const GUID *id)
{
    char text[37];

    sim_guid_text(id, text);
    sim_add_utf8(request, text);
}

HRESULT hcn_enumerate(const hcn_kind *kind, PCWSTR query, PWSTR *ids, PWSTR *error)
{
    sim_request *request = sim_new(kind->enumerate);

    sim_add_text(request, query);
    return call(request, SIM_ANY_EPOCH, ids, error);
}

// Names the new handle in the request; the handle stands only if the service agrees.
static HRESULT make(const hcn_kind *kind, const char *name, const sim_object *network, const GUID *id, PCWSTR settings, HANDLE *made,
                    PWSTR *error)
{
    UINT32 epoch;

    HRESULT code = sim_connect(&epoch);
    if (FAILED(code))
        return failed(code, NULL, error);
    sim_object *object = sim_alloc(sizeof *object);
    if (!object)
        return failed(CODE_OUT_OF_MEMORY, NULL, error);
    HANDLE handle = sim_object_add(object, &class, kind->kind, epoch);
    sim_request *request = sim_new(name);
    sim_add_number(request, object->handle);
    if (network)
        sim_add_number(request, network->handle);
    add_guid(request, id);
    if (settings)
        sim_add_text(request, settings);
    code = call(request, epoch, NULL, error);
    if (SUCCEEDED(code))
        *made = handle;
    else
        sim_object_release(sim_object_close(handle, kind->kind));
    sim_object_release(object);
    return code;
}

HRESULT hcn_create(const hcn_kind *kind, const HANDLE *network, const GUID *id, PCWSTR settings, HANDLE *made, PWSTR *error)
{
    sim_object *parent = NULL;

    if (error)
        *error = NULL;
    if (!made || !id)
        return failed(CODE_INVALID_ARGUMENT, NULL, error);
    *made = NULL;
    if (network) {
        parent = sim_object_get(*network, SIM_NETWORK);
        if (!parent)
            return failed(CODE_INVALID_HANDLE, NULL, error);
    }
    HRESULT code = make(kind, kind->create, parent, id, settings ? settings : L"", made, error);
    sim_object_release(parent);
    return code;
}

HRESULT hcn_open(const hcn_kind *kind, const GUID *id, HANDLE *made, PWSTR *error)
{
    if (error)
        *error = NULL;
    if (!made || !id)
        return failed(CODE_INVALID_ARGUMENT, NULL, error);
    *made = NULL;
    return make(kind, kind->open, NULL, id, NULL, made, error);
}

static HRESULT on_object(const hcn_kind *kind, const char *name, HANDLE handle, PCWSTR text, PWSTR *out, PWSTR *error)
{
    sim_object *object = sim_object_get(handle, kind->kind);

    if (out)
        *out = NULL;
    if (error)
        *error = NULL;
    if (!object)
        return failed(CODE_INVALID_HANDLE, NULL, error);
    sim_request *request = sim_new(name);
    sim_add_number(request, object->handle);
    sim_add_text(request, text);
    HRESULT code = call(request, object->epoch, out, error);
    sim_object_release(object);
    return code;
}

HRESULT hcn_modify(const hcn_kind *kind, HANDLE object, PCWSTR settings, PWSTR *error)
{
    return on_object(kind, kind->modify, object, settings, NULL, error);
}

HRESULT hcn_query(const hcn_kind *kind, HANDLE object, PCWSTR query, PWSTR *properties, PWSTR *error)
{
    return on_object(kind, kind->query, object, query, properties, error);
}

HRESULT hcn_delete(const hcn_kind *kind, const GUID *id, PWSTR *error)
{
    if (error)
        *error = NULL;
    if (!id)
        return failed(CODE_INVALID_ARGUMENT, NULL, error);
    sim_request *request = sim_new(kind->delete);
    add_guid(request, id);
    return call(request, SIM_ANY_EPOCH, NULL, error);
}

HRESULT hcn_close(const hcn_kind *kind, HANDLE handle)
{
    sim_object *object = sim_object_close(handle, kind->kind);

    if (!object)
        return CODE_INVALID_HANDLE;
    sim_request *request = sim_new(kind->close);
    sim_add_number(request, object->handle);
    HRESULT code = sim_call(request, object->epoch, NULL);
    sim_object_release(object);
    return code;
}

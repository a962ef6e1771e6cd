// Layer functions: hcs-api §6.1. Layers are named by path; what they do is the service's business.
#include "v1.h"

#include <stdlib.h>

typedef struct DriverInfo {
    int flavour;
    PCWSTR home; // empty with today's clients, whose ids are whole paths
} DriverInfo;

typedef struct WC_LAYER_DESCRIPTOR {
    GUID id;
    ULONG flags;
    PCWSTR path;
} WC_LAYER_DESCRIPTOR;

// Old clients name a layer relative to the driver's home.
static void add_path(sim_request *request, const DriverInfo *driver, PCWSTR id)
{
    PCWSTR home = driver && driver->home ? driver->home : L"";
    size_t length = wcslen(home);

    if (!id)
        id = L"";
    PWSTR path = sim_alloc((length + wcslen(id) + 2) * sizeof(WCHAR));
    if (!path) {
        sim_add_text(request, NULL); // refused by the service as a layer without a name
        return;
    }
    wcscpy(path, home);
    if (length && path[length - 1] != L'\\')
        wcscat(path, L"\\");
    wcscat(path, id);
    sim_add_text(request, path);
    sim_free(path);
}

static void add_parents(sim_request *request, const WC_LAYER_DESCRIPTOR *parents, size_t count)
{
    PCWSTR *paths = sim_alloc((count + 1) * sizeof *paths);

    for (size_t i = 0; paths && i < count; i++)
        paths[i] = parents[i].path;
    sim_add_texts(request, paths, paths ? count : 0);
    sim_free(paths);
}

static sim_request *layer_request(const char *name, const DriverInfo *driver, PCWSTR id)
{
    sim_request *request = sim_new(name);

    add_path(request, driver, id);
    return request;
}

static HRESULT finish(sim_request *request)
{
    return v1_code(sim_call(request, SIM_ANY_EPOCH, NULL));
}

HCS_EXPORT HRESULT WINAPI CreateLayer(DriverInfo *driver, PCWSTR id, PCWSTR parent)
{
    sim_request *request = layer_request("CreateLayer", driver, id);

    sim_add_text(request, parent);
    return finish(request);
}

// The single parent of the oldest clients has been replaced by the array.
HCS_EXPORT HRESULT WINAPI CreateSandboxLayer(DriverInfo *driver, PCWSTR id, ULONG_PTR parent, WC_LAYER_DESCRIPTOR *parents,
                                             ULONG_PTR count)
{
    if (parent)
        return CODE_NOT_IMPLEMENTED;
    sim_request *request = layer_request("CreateSandboxLayer", driver, id);
    add_parents(request, parents, count);
    return finish(request);
}

HCS_EXPORT HRESULT WINAPI ActivateLayer(DriverInfo *driver, PCWSTR id)
{
    return finish(layer_request("ActivateLayer", driver, id));
}

HCS_EXPORT HRESULT WINAPI DeactivateLayer(DriverInfo *driver, PCWSTR id)
{
    return finish(layer_request("DeactivateLayer", driver, id));
}

HCS_EXPORT HRESULT WINAPI PrepareLayer(DriverInfo *driver, PCWSTR id, WC_LAYER_DESCRIPTOR *parents, ULONG_PTR count)
{
    sim_request *request = layer_request("PrepareLayer", driver, id);

    add_parents(request, parents, count);
    return finish(request);
}

HCS_EXPORT HRESULT WINAPI UnprepareLayer(DriverInfo *driver, PCWSTR id)
{
    return finish(layer_request("UnprepareLayer", driver, id));
}

// Called twice: without a buffer for the length, terminator included, then with one of at least that length.
HCS_EXPORT HRESULT WINAPI GetLayerMountPath(DriverInfo *driver, PCWSTR id, SIZE_T *length, PWSTR buffer)
{
    PWSTR path;

    if (!length)
        return CODE_INVALID_ARGUMENT;
    HRESULT code = v1_code(sim_call_text(layer_request("GetLayerMountPath", driver, id), SIM_ANY_EPOCH, &path, NULL));
    if (FAILED(code))
        return code;
    SIZE_T room = *length;
    *length = (path ? wcslen(path) : 0) + 1;
    if (buffer && room < *length)
        code = CODE_INSUFFICIENT_BUFFER;
    else if (buffer)
        wcscpy(buffer, path ? path : L"");
    sim_free(path);
    return code;
}

HCS_EXPORT HRESULT WINAPI ExpandSandboxSize(DriverInfo *driver, PCWSTR id, UINT64 bytes)
{
    sim_request *request = layer_request("ExpandSandboxSize", driver, id);

    sim_add_number(request, bytes);
    return finish(request);
}

HCS_EXPORT HRESULT WINAPI DestroyLayer(DriverInfo *driver, PCWSTR id)
{
    return finish(layer_request("DestroyLayer", driver, id));
}

HCS_EXPORT HRESULT WINAPI LayerExists(DriverInfo *driver, PCWSTR id, ULONG *exists)
{
    sim_reply *reply;

    if (!exists)
        return CODE_INVALID_ARGUMENT;
    *exists = 0;
    HRESULT code = sim_call(layer_request("LayerExists", driver, id), SIM_ANY_EPOCH, &reply);
    if (SUCCEEDED(code))
        *exists = strtoul(sim_field(reply, 0), NULL, 10);
    sim_reply_free(reply);
    return v1_code(code);
}

// Import and export name a second directory, the transport folder; copy names the target.
static HRESULT with_directory(const char *name, DriverInfo *driver, PCWSTR id, PCWSTR directory, WC_LAYER_DESCRIPTOR *parents,
                              ULONG_PTR count)
{
    sim_request *request = layer_request(name, driver, id);

    sim_add_text(request, directory);
    add_parents(request, parents, count);
    return finish(request);
}

HCS_EXPORT HRESULT WINAPI ImportLayer(DriverInfo *driver, PCWSTR id, PCWSTR from, WC_LAYER_DESCRIPTOR *parents, ULONG_PTR count)
{
    return with_directory("ImportLayer", driver, id, from, parents, count);
}

HCS_EXPORT HRESULT WINAPI ExportLayer(DriverInfo *driver, PCWSTR id, PCWSTR to, WC_LAYER_DESCRIPTOR *parents, ULONG_PTR count)
{
    return with_directory("ExportLayer", driver, id, to, parents, count);
}

HCS_EXPORT HRESULT WINAPI CopyLayer(DriverInfo *driver, PCWSTR from, PCWSTR to, WC_LAYER_DESCRIPTOR *parents, ULONG_PTR count)
{
    return with_directory("CopyLayer", driver, from, to, parents, count);
}

HCS_EXPORT HRESULT WINAPI ProcessBaseImage(PCWSTR path)
{
    return finish(layer_request("ProcessBaseImage", NULL, path));
}

HCS_EXPORT HRESULT WINAPI ProcessUtilityImage(PCWSTR path)
{
    return finish(layer_request("ProcessUtilityImage", NULL, path));
}

HCS_EXPORT HRESULT WINAPI NameToGuid(PCWSTR name, GUID *guid)
{
    sim_reply *reply;

    if (!guid)
        return CODE_INVALID_ARGUMENT;
    HRESULT code = sim_call(layer_request("NameToGuid", NULL, name), SIM_ANY_EPOCH, &reply);
    if (SUCCEEDED(code) && !sim_guid_parse(sim_field(reply, 0), guid))
        code = E_UNEXPECTED;
    sim_reply_free(reply);
    return v1_code(code);
}

HCS_EXPORT HRESULT WINAPI GetBaseImages(PWSTR *images)
{
    return v1_code(sim_call_text(sim_new("GetBaseImages"), SIM_ANY_EPOCH, images, NULL));
}

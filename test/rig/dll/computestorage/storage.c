// computestorage.dll (hcs-api §1.3): each function is one request of its own name with its text arguments in order. A disk given as a
// handle goes by its file's path.
#include "sim.h"

static HRESULT forward(const char *name, const PCWSTR *texts, size_t count)
{
    sim_request *request = sim_new(name);

    for (size_t i = 0; i < count; i++)
        sim_add_text(request, texts[i]);
    return sim_call(request, SIM_ANY_EPOCH, NULL);
}

#define FORWARD(name, ...)                                                                                                         \
    do {                                                                                                                           \
        const PCWSTR texts[] = {__VA_ARGS__};                                                                                      \
        return forward(name, texts, sizeof texts / sizeof *texts);                                                                 \
    } while (0)

// The path is released with sim_free.
static HRESULT disk_path(HANDLE disk, PWSTR *path)
{
    DWORD length = GetFinalPathNameByHandleW(disk, NULL, 0, 0);

    *path = NULL;
    if (!length)
        return HRESULT_FROM_WIN32(GetLastError());
    *path = sim_alloc((length + 1) * sizeof(WCHAR));
    if (!*path)
        return CODE_OUT_OF_MEMORY;
    GetFinalPathNameByHandleW(disk, *path, length + 1, 0);
    return S_OK;
}

HCS_EXPORT HRESULT WINAPI HcsImportLayer(PCWSTR layer, PCWSTR source, PCWSTR data)
{
    FORWARD("HcsImportLayer", layer, source, data);
}

HCS_EXPORT HRESULT WINAPI HcsExportLayer(PCWSTR layer, PCWSTR target, PCWSTR data, PCWSTR options)
{
    FORWARD("HcsExportLayer", layer, target, data, options);
}

HCS_EXPORT HRESULT WINAPI HcsExportLegacyWritableLayer(PCWSTR mount, PCWSTR layer, PCWSTR target, PCWSTR data)
{
    FORWARD("HcsExportLegacyWritableLayer", mount, layer, target, data);
}

HCS_EXPORT HRESULT WINAPI HcsDestroyLayer(PCWSTR layer)
{
    FORWARD("HcsDestroyLayer", layer);
}

HCS_EXPORT HRESULT WINAPI HcsSetupBaseOSLayer(PCWSTR layer, HANDLE disk, PCWSTR options)
{
    PWSTR path;
    HRESULT code = disk_path(disk, &path);

    if (SUCCEEDED(code)) {
        const PCWSTR texts[] = {layer, path, options};
        code = forward("HcsSetupBaseOSLayer", texts, 3);
    }
    sim_free(path);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsSetupBaseOSVolume(PCWSTR layer, PCWSTR volume, PCWSTR options)
{
    FORWARD("HcsSetupBaseOSVolume", layer, volume, options);
}

HCS_EXPORT HRESULT WINAPI HcsInitializeWritableLayer(PCWSTR layer, PCWSTR data, PCWSTR options)
{
    FORWARD("HcsInitializeWritableLayer", layer, data, options);
}

HCS_EXPORT HRESULT WINAPI HcsInitializeLegacyWritableLayer(PCWSTR mount, PCWSTR layer, PCWSTR data, PCWSTR options)
{
    FORWARD("HcsInitializeLegacyWritableLayer", mount, layer, data, options);
}

HCS_EXPORT HRESULT WINAPI HcsAttachLayerStorageFilter(PCWSTR layer, PCWSTR data)
{
    FORWARD("HcsAttachLayerStorageFilter", layer, data);
}

HCS_EXPORT HRESULT WINAPI HcsDetachLayerStorageFilter(PCWSTR layer)
{
    FORWARD("HcsDetachLayerStorageFilter", layer);
}

HCS_EXPORT HRESULT WINAPI HcsAttachOverlayFilter(PCWSTR volume, PCWSTR data)
{
    FORWARD("HcsAttachOverlayFilter", volume, data);
}

HCS_EXPORT HRESULT WINAPI HcsDetachOverlayFilter(PCWSTR volume, PCWSTR data)
{
    FORWARD("HcsDetachOverlayFilter", volume, data);
}

HCS_EXPORT HRESULT WINAPI HcsFormatWritableLayerVhd(HANDLE disk)
{
    PWSTR path;
    HRESULT code = disk_path(disk, &path);

    if (SUCCEEDED(code)) {
        const PCWSTR texts[] = {path};
        code = forward("HcsFormatWritableLayerVhd", texts, 1);
    }
    sim_free(path);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsGetLayerVhdMountPath(HANDLE disk, PWSTR *mount)
{
    PWSTR path;

    if (!mount)
        return CODE_INVALID_ARGUMENT;
    *mount = NULL;
    HRESULT code = disk_path(disk, &path);
    if (SUCCEEDED(code)) {
        sim_request *request = sim_new("HcsGetLayerVhdMountPath");
        sim_add_text(request, path);
        code = sim_call_text(request, SIM_ANY_EPOCH, mount, NULL);
    }
    sim_free(path);
    return code;
}

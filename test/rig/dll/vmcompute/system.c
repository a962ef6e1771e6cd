// Compute systems of the v1 ABI.
#include "v1.h"

static HRESULT sync_call(subject *s, const char *name, PCWSTR text, PWSTR *out, PWSTR *result)
{
    sim_request *request = subject_request(s, name);

    sim_add_text(request, text);
    return v1_code(sim_call_text(request, s->object.epoch, out, result));
}

// Of a call on the service rather than on a handle.
static HRESULT service_call(const char *name, PCWSTR text, PWSTR *out, PWSTR *result)
{
    sim_request *request = sim_new(name);

    sim_add_utf8(request, ABI);
    sim_add_text(request, text);
    return v1_code(sim_call_text(request, SIM_ANY_EPOCH, out, result));
}

HCS_EXPORT HRESULT WINAPI HcsEnumerateComputeSystems(PCWSTR query, PWSTR *systems, PWSTR *result)
{
    return service_call("HcsEnumerateComputeSystems", query, systems, result);
}

HCS_EXPORT HRESULT WINAPI HcsGetServiceProperties(PCWSTR query, PWSTR *properties, PWSTR *result)
{
    return service_call("HcsGetServiceProperties", query, properties, result);
}

HCS_EXPORT HRESULT WINAPI HcsModifyServiceSettings(PCWSTR settings, PWSTR *result)
{
    return service_call("HcsModifyServiceSettings", settings, NULL, result);
}

HCS_EXPORT HRESULT WINAPI HcsCreateComputeSystem(PCWSTR id, PCWSTR configuration, HANDLE identity, HCS_SYSTEM *system, PWSTR *result)
{
    UINT32 epoch;
    HANDLE made;

    if (result)
        *result = NULL;
    if (!system || !id || !*id)
        return CODE_INVALID_ARGUMENT;
    *system = NULL;
    if (identity)
        return CODE_NOT_IMPLEMENTED; // no other user's token can be acted for
    HRESULT code = v1_code(sim_connect(&epoch));
    if (FAILED(code))
        return code;
    subject *s = subject_new(SIM_V1_SYSTEM, epoch, &made);
    if (!s)
        return CODE_OUT_OF_MEMORY;
    s->creating = TRUE;
    sim_request *request = subject_request(s, "HcsCreateComputeSystem");
    sim_add_text(request, id);
    sim_add_text(request, configuration);
    code = async_call(s, request, NOTE_CREATE_COMPLETED, result);
    if (code == OPERATION_PENDING)
        *system = made;
    else
        subject_abandon(made, SIM_V1_SYSTEM);
    subject_release(s);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsOpenComputeSystem(PCWSTR id, HCS_SYSTEM *system, PWSTR *result)
{
    UINT32 epoch;
    HANDLE made;

    if (result)
        *result = NULL;
    if (!system || !id || !*id)
        return CODE_INVALID_ARGUMENT;
    *system = NULL;
    HRESULT code = v1_code(sim_connect(&epoch));
    if (FAILED(code))
        return code;
    subject *s = subject_new(SIM_V1_SYSTEM, epoch, &made);
    if (!s)
        return CODE_OUT_OF_MEMORY;
    code = sync_call(s, "HcsOpenComputeSystem", id, NULL, result);
    if (SUCCEEDED(code))
        *system = made;
    else
        subject_abandon(made, SIM_V1_SYSTEM);
    subject_release(s);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsCloseComputeSystem(HCS_SYSTEM system)
{
    return subject_close(system, SIM_V1_SYSTEM);
}

static HRESULT system_async(HCS_SYSTEM system, const char *name, PCWSTR options, notification completed, PWSTR *result)
{
    subject *s = subject_get(system, SIM_V1_SYSTEM);

    if (result)
        *result = NULL;
    if (!s)
        return CODE_INVALID_HANDLE;
    sim_request *request = subject_request(s, name);
    sim_add_text(request, options);
    HRESULT code = async_call(s, request, completed, result);
    subject_release(s);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsStartComputeSystem(HCS_SYSTEM system, PCWSTR options, PWSTR *result)
{
    return system_async(system, "HcsStartComputeSystem", options, NOTE_START_COMPLETED, result);
}

// Its success is told by the exit.
HCS_EXPORT HRESULT WINAPI HcsShutdownComputeSystem(HCS_SYSTEM system, PCWSTR options, PWSTR *result)
{
    return system_async(system, "HcsShutDownComputeSystem", options, NOTE_SHUTDOWN_FAILED, result);
}

HCS_EXPORT HRESULT WINAPI HcsTerminateComputeSystem(HCS_SYSTEM system, PCWSTR options, PWSTR *result)
{
    return system_async(system, "HcsTerminateComputeSystem", options, NOTE_NONE, result);
}

HCS_EXPORT HRESULT WINAPI HcsPauseComputeSystem(HCS_SYSTEM system, PCWSTR options, PWSTR *result)
{
    return system_async(system, "HcsPauseComputeSystem", options, NOTE_PAUSE_COMPLETED, result);
}

HCS_EXPORT HRESULT WINAPI HcsResumeComputeSystem(HCS_SYSTEM system, PCWSTR options, PWSTR *result)
{
    return system_async(system, "HcsResumeComputeSystem", options, NOTE_RESUME_COMPLETED, result);
}

HCS_EXPORT HRESULT WINAPI HcsSaveComputeSystem(HCS_SYSTEM system, PCWSTR options, PWSTR *result)
{
    return system_async(system, "HcsSaveComputeSystem", options, NOTE_SAVE_COMPLETED, result);
}

static HRESULT system_sync(HCS_SYSTEM system, const char *name, PCWSTR text, PWSTR *out, PWSTR *result)
{
    subject *s = subject_get(system, SIM_V1_SYSTEM);

    if (out)
        *out = NULL;
    if (result)
        *result = NULL;
    if (!s)
        return CODE_INVALID_HANDLE;
    HRESULT code = sync_call(s, name, text, out, result);
    subject_release(s);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsGetComputeSystemProperties(HCS_SYSTEM system, PCWSTR query, PWSTR *properties, PWSTR *result)
{
    return system_sync(system, "HcsGetComputeSystemProperties", query, properties, result);
}

HCS_EXPORT HRESULT WINAPI HcsModifyComputeSystem(HCS_SYSTEM system, PCWSTR configuration, PWSTR *result)
{
    return system_sync(system, "HcsModifyComputeSystem", configuration, NULL, result);
}

HCS_EXPORT HRESULT WINAPI HcsRegisterComputeSystemCallback(HCS_SYSTEM system, HCS_NOTIFICATION_CALLBACK callback, void *context,
                                                           HCS_CALLBACK *handle)
{
    subject *s = subject_get(system, SIM_V1_SYSTEM);
    HRESULT code = s ? subject_register(s, SIM_V1_SYSTEM_CALLBACK, callback, context, handle) : CODE_INVALID_HANDLE;

    subject_release(s);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsUnregisterComputeSystemCallback(HCS_CALLBACK handle)
{
    return subject_unregister(handle, SIM_V1_SYSTEM_CALLBACK);
}

// Processes of the v1 ABI: all calls are synchronous.
#include "v1.h"

HCS_EXPORT HRESULT WINAPI HcsCreateProcess(HCS_SYSTEM system, PCWSTR parameters, sim_process_information *information,
                                           HCS_PROCESS *process, PWSTR *result)
{
    HANDLE made;
    sim_reply *reply;

    if (result)
        *result = NULL;
    if (!process || !information)
        return CODE_INVALID_ARGUMENT;
    *process = NULL;
    ZeroMemory(information, sizeof *information);
    subject *s = subject_get(system, SIM_V1_SYSTEM);
    if (!s)
        return CODE_INVALID_HANDLE;
    subject *p = subject_new(SIM_V1_PROCESS, s->object.epoch, &made);
    if (!p) {
        subject_release(s);
        return CODE_OUT_OF_MEMORY;
    }
    HRESULT code = v1_code(sim_create_process(ABI, &s->object, &p->object, parameters, information, &reply));
    if (SUCCEEDED(code)) {
        *process = made;
    } else {
        if (result)
            *result = sim_out_text(sim_field(reply, 0));
        subject_abandon(made, SIM_V1_PROCESS);
    }
    sim_reply_free(reply);
    subject_release(p);
    subject_release(s);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsOpenProcess(HCS_SYSTEM system, DWORD pid, HCS_PROCESS *process, PWSTR *result)
{
    HANDLE made;

    if (result)
        *result = NULL;
    if (!process)
        return CODE_INVALID_ARGUMENT;
    *process = NULL;
    subject *s = subject_get(system, SIM_V1_SYSTEM);
    if (!s)
        return CODE_INVALID_HANDLE;
    subject *p = subject_new(SIM_V1_PROCESS, s->object.epoch, &made);
    HRESULT code = CODE_OUT_OF_MEMORY;
    if (p) {
        sim_request *request = subject_request(s, "HcsOpenProcess");
        sim_add_number(request, p->object.handle);
        sim_add_number(request, pid);
        code = v1_code(sim_call_text(request, s->object.epoch, NULL, result));
        if (SUCCEEDED(code))
            *process = made;
        else
            subject_abandon(made, SIM_V1_PROCESS);
    }
    subject_release(p);
    subject_release(s);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsCloseProcess(HCS_PROCESS process)
{
    return subject_close(process, SIM_V1_PROCESS);
}

// text is NULL for requests that carry none.
static HRESULT process_call(HCS_PROCESS process, const char *name, PCWSTR text, PWSTR *out, PWSTR *result)
{
    subject *p = subject_get(process, SIM_V1_PROCESS);

    if (out)
        *out = NULL;
    if (result)
        *result = NULL;
    if (!p)
        return CODE_INVALID_HANDLE;
    sim_request *request = subject_request(p, name);
    if (text)
        sim_add_text(request, text);
    HRESULT code = v1_code(sim_call_text(request, p->object.epoch, out, result));
    subject_release(p);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsTerminateProcess(HCS_PROCESS process, PWSTR *result)
{
    return process_call(process, "HcsTerminateProcess", NULL, NULL, result);
}

HCS_EXPORT HRESULT WINAPI HcsSignalProcess(HCS_PROCESS process, PCWSTR options, PWSTR *result)
{
    return process_call(process, "HcsSignalProcess", options ? options : L"", NULL, result);
}

// The streams went to the caller of HcsCreateProcess and cannot be had twice.
HCS_EXPORT HRESULT WINAPI HcsGetProcessInfo(HCS_PROCESS process, sim_process_information *information, PWSTR *result)
{
    PWSTR pid;

    if (result)
        *result = NULL;
    if (!information)
        return CODE_INVALID_ARGUMENT;
    ZeroMemory(information, sizeof *information);
    HRESULT code = process_call(process, "HcsGetProcessInfo", NULL, &pid, result);
    if (SUCCEEDED(code))
        information->pid = wcstoul(pid ? pid : L"", NULL, 10);
    sim_free(pid);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsGetProcessProperties(HCS_PROCESS process, PWSTR *properties, PWSTR *result)
{
    return process_call(process, "HcsGetProcessProperties", NULL, properties, result);
}

HCS_EXPORT HRESULT WINAPI HcsModifyProcess(HCS_PROCESS process, PCWSTR settings, PWSTR *result)
{
    return process_call(process, "HcsModifyProcess", settings ? settings : L"", NULL, result);
}

HCS_EXPORT HRESULT WINAPI HcsRegisterProcessCallback(HCS_PROCESS process, HCS_NOTIFICATION_CALLBACK callback, void *context,
                                                     HCS_CALLBACK *handle)
{
    subject *p = subject_get(process, SIM_V1_PROCESS);
    HRESULT code = p ? subject_register(p, SIM_V1_PROCESS_CALLBACK, callback, context, handle) : CODE_INVALID_HANDLE;

    subject_release(p);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsUnregisterProcessCallback(HCS_CALLBACK handle)
{
    return subject_unregister(handle, SIM_V1_PROCESS_CALLBACK);
}

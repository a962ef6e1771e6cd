// Standard streams of a process. The client has the server ends of one named pipe per stream, opened for overlapped I/O in byte mode,
// because that is what HCS hands out (hcs-api §4) and what clients put on their completion ports; the service opens the other ends by
// name, for the process.
#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#define PIPE_BUFFER 65536

static const char *const suffixes[3] = {"in", "out", "err"};

typedef struct pipe_names {
    char name[3][64]; // empty when the stream was not asked for
} pipe_names;

static HRESULT open_pipe(int stream, char *name, HANDLE *pipe)
{
    static LONG count;
    DWORD access = stream == 0 ? PIPE_ACCESS_OUTBOUND : PIPE_ACCESS_INBOUND;

    snprintf(name, 64, "\\\\.\\pipe\\hcssim-%lu-%ld-%s", GetCurrentProcessId(), InterlockedIncrement(&count), suffixes[stream]);
    HANDLE handle = CreateNamedPipeA(name, access | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                                     PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT, 1, PIPE_BUFFER, PIPE_BUFFER, 0, NULL);
    if (handle == INVALID_HANDLE_VALUE)
        return HRESULT_FROM_WIN32(GetLastError());
    *pipe = handle;
    return S_OK;
}

static HRESULT open_streams(PCWSTR parameters, sim_process_information *information, pipe_names *names)
{
    char *document = sim_utf8(parameters);
    HRESULT code = S_OK;

    if (!document)
        return CODE_OUT_OF_MEMORY;
    BOOL wanted[3] = {
        sim_json_true(document, "CreateStdInPipe"),
        sim_json_true(document, "CreateStdOutPipe"),
        // A console has one output: hcs-api §4.
        sim_json_true(document, "CreateStdErrPipe") && !sim_json_true(document, "EmulateConsole"),
    };
    sim_free(document);
    for (int i = 0; i < 3 && SUCCEEDED(code); i++)
        if (wanted[i])
            code = open_pipe(i, names->name[i], &information->standard[i]);
    return code;
}

void sim_close_streams(sim_process_information *information)
{
    for (int i = 0; i < 3; i++) {
        if (information->standard[i])
            CloseHandle(information->standard[i]);
        information->standard[i] = NULL;
    }
}

HRESULT sim_create_process(const char *abi, sim_object *system, sim_object *process, PCWSTR parameters,
                           sim_process_information *information, sim_reply **reply)
{
    pipe_names names = {0};

    *reply = NULL;
    ZeroMemory(information, sizeof *information);
    HRESULT code = open_streams(parameters, information, &names);
    if (SUCCEEDED(code)) {
        sim_request *request = sim_new("HcsCreateProcess");
        sim_add_utf8(request, abi);
        sim_add_number(request, system->handle);
        sim_add_number(request, process->handle);
        sim_add_text(request, parameters);
        for (int i = 0; i < 3; i++)
            sim_add_utf8(request, names.name[i]);
        code = sim_call(request, system->epoch, reply);
    }
    if (FAILED(code)) {
        sim_close_streams(information);
        return code;
    }
    information->pid = strtoul(sim_field(*reply, 0), NULL, 10);
    return code;
}

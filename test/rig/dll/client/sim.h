// The client of the simulator's service, as the DLLs of the HCS ABI use it. There is one per process, in hcssim.dll, so that
// all those DLLs share one connection: its end is how the service learns that the client process is gone.
//
// The protocol is that of package wire (test/rig/wire/wire.go).
#ifndef HCSSIM_SIM_H
#define HCSSIM_SIM_H

#include <windows.h>

#include "codes.h"

#ifdef HCSSIM_BUILD
#define SIM_API __declspec(dllexport)
#else
#define SIM_API __declspec(dllimport)
#endif

// What the DLLs themselves export.
#define HCS_EXPORT __declspec(dllexport)

// ---- text (text.c)

// Memory of one client process; zeroed. NULL only when there is none left.
SIM_API void *sim_alloc(size_t size);
SIM_API void sim_free(void *memory);

// A copy that the caller of the HCS ABI frees. CoTaskMemFree and LocalFree both end in HeapFree on the process heap (hcs-api §1),
// so this does not need ole32. An empty text is NULL: clients free every pointer that is not, and HCN clients take a non-NULL
// error record for an error.
SIM_API PWSTR sim_out_text(const char *utf8);
SIM_API PWSTR sim_out_copy(PCWSTR text); // the same from UTF-16
// A copy for our own use, released with sim_free. NULL stands for "".
SIM_API PWSTR sim_wide(const char *utf8);
SIM_API char *sim_utf8(PCWSTR text);
// "00112233-4455-…" without braces, lower case; text has room for 37 characters.
SIM_API void sim_guid_text(const GUID *guid, char *text);
SIM_API BOOL sim_guid_parse(const char *text, GUID *guid);

// ---- requests and replies (frame.c, request.c)

typedef struct sim_request sim_request;

// A request under construction. Running out of memory is remembered and comes out of the call as E_OUTOFMEMORY, so that the
// functions that add fields need no checks.
SIM_API sim_request *sim_new(const char *name);
SIM_API void sim_add_utf8(sim_request *request, const char *text);
SIM_API void sim_add_text(sim_request *request, PCWSTR text); // NULL is the empty text
SIM_API void sim_add_number(sim_request *request, UINT64 number);
SIM_API void sim_add_texts(sim_request *request, const PCWSTR *texts, size_t count); // one field: a JSON array of strings

typedef struct sim_reply {
    HRESULT code;
    UINT32 count;
    char *fields[]; // UTF-8, NUL terminated
} sim_reply;

// What a reply says; a NULL reply stands for memory that ran out.
SIM_API HRESULT sim_code(const sim_reply *reply);
// The field, or "" when the reply is NULL or has fewer.
SIM_API const char *sim_field(const sim_reply *reply, UINT32 index);
SIM_API void sim_reply_free(sim_reply *reply);

// Only for a request that is not sent: sending releases it.
SIM_API void sim_request_free(sim_request *request);

// The connection a request must travel on: handles do not outlive the connection they were made on. SIM_ANY_EPOCH connects when
// there is none and suits requests that name no handle.
#define SIM_ANY_EPOCH 0
// Connects when there is no connection. Before the service was ever reached it is waited for, some seconds, because the rig starts
// it and its clients together; CODE_SERVICE_NOT_AVAILABLE when it does not come. One that was lost is CODE_SERVICE_DISCONNECT until a
// new one answers.
SIM_API HRESULT sim_connect(UINT32 *epoch);

// Gets the reply, which becomes the completion's. Runs on the thread that reads the connection: it must not wait for the service.
typedef void (*sim_completion)(void *context, sim_reply *reply);

// Both release the request. sim_send either fails, or returns S_OK and calls the completion exactly once; when the service is
// lost the reply is CODE_SERVICE_DISCONNECT. sim_call waits; its *reply, when the caller wants it, is NULL on a local failure.
SIM_API HRESULT sim_send(sim_request *request, UINT32 epoch, sim_completion completion, void *context);
SIM_API HRESULT sim_call(sim_request *request, UINT32 epoch, sim_reply **reply);
// sim_call for the functions whose results are texts: *out gets the first field on success, *error the ResultError document on
// failure. Either may be NULL; both are set to NULL first.
SIM_API HRESULT sim_call_text(sim_request *request, UINT32 epoch, PWSTR *out, PWSTR *error);

// ---- objects behind handles (object.c)

typedef enum sim_kind {
    SIM_OPERATION = 1,
    SIM_SYSTEM,
    SIM_PROCESS,
    SIM_V1_SYSTEM,
    SIM_V1_PROCESS,
    SIM_V1_SYSTEM_CALLBACK,
    SIM_V1_PROCESS_CALLBACK,
    SIM_NETWORK, // the HCN kinds follow in the order of computenetwork's table
    SIM_ENDPOINT,
    SIM_NAMESPACE,
    SIM_LOAD_BALANCER,
    SIM_SDN_ROUTE,
} sim_kind;

typedef struct sim_object sim_object;

typedef struct sim_class {
    void (*event)(sim_object *object, const char *data); // an event of the service for this handle
    void (*lost)(sim_object *object);                    // the service this handle belongs to is gone
    void (*destroy)(sim_object *object);                 // the last reference went; frees the object
} sim_class;

// The head of everything that has a handle. A handle is a number that is never used again, looked up in a table: a closed or wrong
// one is CODE_INVALID_HANDLE and never touches memory. The same number is the handle's name on the wire.
struct sim_object {
    const sim_class *class;
    sim_kind kind;
    UINT32 epoch;
    UINT64 handle;
    LONG references;
    BOOL closed;
    sim_object *next;
};

// Gives the object a handle. One reference is the table's, one the caller's.
SIM_API HANDLE sim_object_add(sim_object *object, const sim_class *class, sim_kind kind, UINT32 epoch);
SIM_API sim_object *sim_object_get(HANDLE handle, sim_kind kind); // with a reference, or NULL
SIM_API void sim_object_keep(sim_object *object);
SIM_API void sim_object_release(sim_object *object);
// Takes the handle out of the table, drops the callbacks that wait for this object and waits for one that runs, unless it is the
// caller. Returns the object with the table's reference, or NULL when the handle is not open.
SIM_API sim_object *sim_object_close(HANDLE handle, sim_kind kind);

// ---- callbacks (dispatch.c)

typedef struct sim_task sim_task;

// Head of a callback to make; allocated with sim_alloc, released by the dispatcher.
struct sim_task {
    sim_task *next;
    sim_object *owner;
    void (*run)(sim_task *task);
    void (*discard)(sim_task *task); // releases what the task holds, run or not; may be NULL
};

// Runs the task on the dispatcher's thread, in order, unless the owner is closed before.
SIM_API void sim_post(sim_object *owner, sim_task *task);

// ---- JSON (json.c): members of the outermost object only

SIM_API BOOL sim_json_true(const char *document, const char *name);
SIM_API BOOL sim_json_text_is(const char *document, const char *name, const char *value);
SIM_API BOOL sim_json_number(const char *document, const char *name, LONGLONG *value);

// ---- processes (stream.c)

// HCS_PROCESS_INFORMATION, the same in both ABIs: hcs-api §1.2.
typedef struct sim_process_information {
    DWORD pid;
    DWORD reserved;
    HANDLE standard[3]; // input, output, error; NULL when not asked for
} sim_process_information;

// HcsCreateProcess of either ABI: makes the pipes the parameters ask for, sends the request and waits. On success the pipes are the
// caller's. *reply is as in sim_call.
SIM_API HRESULT sim_create_process(const char *abi, sim_object *system, sim_object *process, PCWSTR parameters,
                                   sim_process_information *information, sim_reply **reply);
SIM_API void sim_close_streams(sim_process_information *information);

#endif

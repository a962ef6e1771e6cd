// What the files of hcssim.dll share among themselves.
#ifndef HCSSIM_CLIENT_H
#define HCSSIM_CLIENT_H

#include <winsock2.h>

#include "sim.h"

// The fixed part of a frame after its length: id, code, count (package wire).
#define FRAME_HEAD 12
#define FRAME_MAX (64u << 20)

struct sim_request {
    BYTE *data; // the whole frame; length, id and count are filled in when it is sent
    size_t length;
    size_t capacity;
    UINT32 count;
    BOOL failed; // memory ran out
};

typedef struct frame {
    UINT32 id;
    sim_reply *reply;
} frame;

// frame.c
BOOL request_write(sim_request *request, SOCKET socket, UINT32 id);
BOOL frame_read(SOCKET socket, frame *frame);
sim_reply *reply_of_code(HRESULT code);

// request.c: what the connection's reader tells
void request_replied(UINT32 id, sim_reply *reply);
void request_service_lost(UINT32 epoch); // fails what was sent up to that epoch

// connection.c
// Takes the right to write when the connection of that epoch stands; the caller then registers its request, writes, and ends.
SOCKET connection_begin_write(UINT32 epoch);
void connection_end_write(BOOL ok);

// object.c
void objects_lost(UINT32 epoch);
sim_object *object_of_event(UINT64 handle);

// object.c and dispatch.c: one lock for the table, the queue of callbacks and "closed", so that nothing is queued for an object
// that has just been closed.
extern SRWLOCK table_lock;
sim_task *dispatch_take(sim_object *owner); // under the lock: unlinks what waits for the owner
void dispatch_drain(sim_object *owner);     // without the lock: waits for a running callback of the owner
void dispatch_discard(sim_task *tasks);

#endif

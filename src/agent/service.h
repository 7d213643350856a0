/*
 * The service manager that started the guard, such as systemd, and is told how far it is: by the
 * protocol of sd_notify(3), in our own few lines, because libsystemd's waits while the manager's
 * queue is full.
 */
#ifndef AGENT_SERVICE_H
#define AGENT_SERVICE_H

#include <ev.h>
#include <stdbool.h>

#include "base/cleanup.h"

struct service;

/* Takes NOTIFY_SOCKET out of the environment, so that no child of ours speaks for us. *ret is NULL,
 * which is fine everywhere here, where nobody wants to be told, or tells is false. */
int service_new(struct service **ret, struct ev_loop *loop, bool tells) MUST_CHECK;
void service_free(struct service *service);

void service_ready(struct service *service); /* also once it has read its files again */
void service_reloading(struct service *service);
void service_stopping(struct service *service);
/* A sentence for a person; what would not be printed becomes "?". */
void service_status(struct service *service, const char *text);

#endif

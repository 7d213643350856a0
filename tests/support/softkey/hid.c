#include "softkey.h"

#include <errno.h>
#include <fcntl.h>
#include <fido/param.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "authenticator.h"
#include "base/clock.h"

#define REPORT_LEN     64
#define CLIENTS_MAX    16
#define LINE_MAX_LEN   64
#define KEEPALIVE_NS   UINT64_C(100000000)
#define ERROR_COMMAND  0x3f
#define ERROR_BAD      0x01
#define ERROR_BUSY     0x06
#define UP_NEEDED      2
#define FIRST_CHANNEL  0x1000
#define INIT_REPLY_LEN 17

enum touch { TOUCH_NONE, TOUCH_YES, TOUCH_NO };

struct client {
	int fd; /* -1: free */
	/* A message that comes in parts. */
	uint32_t channel;
	uint8_t command, sequence;
	uint8_t message[CTAP_INIT_HEADER_LEN + FIDO_MAXMSG];
	size_t len, expected;
};

struct softkey {
	struct authenticator authenticator;
	const char *path;
	int listen_fd; /* -1: it is pulled out */
	int script_fd, report_fd;
	char line[LINE_MAX_LEN];
	size_t line_len;
	struct client clients[CLIENTS_MAX];
	uint32_t last_channel;
	enum touch touch; /* said for later */
	/* Who waits for a touch. */
	struct client *waiting;
	uint32_t waiting_channel;
	uint64_t keepalive_ns;
	bool ended;
};

__attribute__((format(printf, 2, 3))) static void report(const struct softkey *key,
                                                         const char *format, ...) {
	char line[LINE_MAX_LEN];
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (write(key->report_fd, line, (size_t)len) < 0)
		return;
}

/* ---- reports out ---- */

static void send_packet(const struct client *client, const uint8_t packet[static REPORT_LEN]) {
	if (send(client->fd, packet, REPORT_LEN, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* whoever does not read is gone */
}

static void put_channel(uint8_t *packet, uint32_t channel) {
	for (int i = 0; i < 4; i++)
		packet[i] = (uint8_t)(channel >> (24 - 8 * i));
}

static uint32_t channel_of(const uint8_t *packet) {
	return (uint32_t)packet[0] << 24 | (uint32_t)packet[1] << 16 | (uint32_t)packet[2] << 8 |
	       packet[3];
}

static void send_message(const struct client *client, uint32_t channel, uint8_t command,
                         struct bytes message) {
	uint8_t packet[REPORT_LEN] = {0};
	size_t at = 0, fits = REPORT_LEN - CTAP_INIT_HEADER_LEN;

	put_channel(packet, channel);
	packet[4] = CTAP_FRAME_INIT | command;
	packet[5] = (uint8_t)(message.len >> 8);
	packet[6] = (uint8_t)message.len;
	if (message.len < fits)
		fits = message.len;
	memcpy(packet + CTAP_INIT_HEADER_LEN, message.data, fits);
	send_packet(client, packet);
	for (uint8_t sequence = 0; (at += fits) < message.len; sequence++) {
		memset(packet, 0, sizeof(packet));
		put_channel(packet, channel);
		packet[4] = sequence;
		fits = REPORT_LEN - CTAP_CONT_HEADER_LEN;
		if (message.len - at < fits)
			fits = message.len - at;
		memcpy(packet + CTAP_CONT_HEADER_LEN, message.data + at, fits);
		send_packet(client, packet);
	}
}

static void send_byte(const struct client *client, uint32_t channel, uint8_t command,
                      uint8_t byte) {
	send_message(client, channel, command, (struct bytes){&byte, 1});
}

/* ---- a touch ---- */

static const char *done_word(const struct softkey *key, enum waits_for waited) {
	if (waited == WAITS_TO_MAKE)
		return "made\n";
	return key->authenticator.lie != LIE_NONE ? "lied\n" : NULL;
}

static void touched(struct softkey *key) {
	struct reply reply;
	enum waits_for waited = key->authenticator.waits;
	bool yes = key->touch == TOUCH_YES;

	authenticator_touched(&key->authenticator, yes, &reply);
	send_message(key->waiting, key->waiting_channel, CTAP_CMD_CBOR,
	             (struct bytes){reply.bytes, reply.len});
	key->waiting = NULL;
	key->touch = TOUCH_NONE;
	if (!yes)
		report(key, "refused\n");
	else if (done_word(key, waited) != NULL)
		report(key, "%s", done_word(key, waited));
	else
		report(key, "signed %u\n", key->authenticator.counter);
}

static void cancel(struct softkey *key) {
	send_byte(key->waiting, key->waiting_channel, CTAP_CMD_CBOR, 0x2d);
	key->waiting = NULL;
	key->authenticator.waits = WAITS_FOR_NOTHING;
	report(key, "cancelled\n");
}

/* ---- messages in ---- */

static void init(struct softkey *key, struct client *client, uint32_t channel) {
	uint8_t reply[INIT_REPLY_LEN] = {0};

	if (client->expected != 8)
		return;
	if (key->waiting == client && channel == key->waiting_channel)
		cancel(key);
	memcpy(reply, client->message, 8);
	put_channel(reply + 8, channel == CTAP_CID_BROADCAST ? ++key->last_channel : channel);
	reply[12] = 2; /* the protocol's version */
	reply[16] = FIDO_CAP_CBOR | FIDO_CAP_NMSG;
	send_message(client, channel, CTAP_CMD_INIT, BYTES(reply));
}

static void cbor(struct softkey *key, struct client *client) {
	struct bytes message = {client->message, client->expected};
	struct reply reply;

	if (key->waiting != NULL) {
		send_byte(client, client->channel, ERROR_COMMAND, ERROR_BUSY);
		return;
	}
	if (authenticator_command(&key->authenticator, message, &reply)) {
		send_message(client, client->channel, CTAP_CMD_CBOR,
		             (struct bytes){reply.bytes, reply.len});
		return;
	}
	key->waiting = client;
	key->waiting_channel = client->channel;
	key->keepalive_ns = clock_mono_ns();
	report(key, key->authenticator.waits == WAITS_TO_MAKE ? "waiting make\n" : "waiting get\n");
	if (key->touch != TOUCH_NONE)
		touched(key);
}

static void message_done(struct softkey *key, struct client *client) {
	switch (client->command) {
	case CTAP_CMD_INIT: init(key, client, client->channel); break;
	case CTAP_CMD_CBOR: cbor(key, client); break;
	case CTAP_CMD_CANCEL:
		if (key->waiting == client && key->waiting_channel == client->channel)
			cancel(key);
		break;
	default: send_byte(client, client->channel, ERROR_COMMAND, ERROR_BAD);
	}
	client->len = client->expected = 0;
}

static void packet_in(struct softkey *key, struct client *client,
                      const uint8_t packet[static REPORT_LEN]) {
	size_t fits;

	if ((packet[4] & CTAP_FRAME_INIT) != 0) {
		client->channel = channel_of(packet);
		client->command = packet[4] & 0x7f;
		client->expected = (size_t)packet[5] << 8 | packet[6];
		client->len = 0;
		client->sequence = 0;
		fits = REPORT_LEN - CTAP_INIT_HEADER_LEN;
		packet += CTAP_INIT_HEADER_LEN;
	} else {
		if (channel_of(packet) != client->channel || packet[4] != client->sequence++ ||
		    client->len == 0)
			return;
		fits = REPORT_LEN - CTAP_CONT_HEADER_LEN;
		packet += CTAP_CONT_HEADER_LEN;
	}
	if (client->expected > sizeof(client->message))
		return;
	if (client->expected - client->len < fits)
		fits = client->expected - client->len;
	memcpy(client->message + client->len, packet, fits);
	client->len += fits;
	if (client->len == client->expected)
		message_done(key, client);
}

/* ---- clients ---- */

static void client_end(struct softkey *key, struct client *client) {
	if (key->waiting == client) {
		key->waiting = NULL;
		key->authenticator.waits = WAITS_FOR_NOTHING;
		report(key, "cancelled\n");
	}
	close_fd(&client->fd);
}

static void client_read(struct softkey *key, struct client *client) {
	uint8_t packet[REPORT_LEN + 1];
	ssize_t len = recv(client->fd, packet, sizeof(packet), MSG_DONTWAIT);

	if (len == REPORT_LEN)
		packet_in(key, client, packet);
	else if (len >= 0 || errno != EAGAIN)
		client_end(key, client);
}

static void client_new(struct softkey *key) {
	int fd = accept4(key->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < CLIENTS_MAX; i++)
		if (key->clients[i].fd < 0) {
			key->clients[i] = (struct client){.fd = fd};
			return;
		}
	close_fd(&fd);
}

static int appear(struct softkey *key) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (key->listen_fd >= 0)
		return 0;
	if (strlen(key->path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, key->path);
	unlink(key->path);
	key->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (key->listen_fd < 0 ||
	    bind(key->listen_fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(key->listen_fd, CLIENTS_MAX) < 0)
		return -errno;
	client_pin_power_up(&key->authenticator.pin);
	report(key, "ready\n");
	return 0;
}

static void vanish(struct softkey *key) {
	unlink(key->path);
	close_fd(&key->listen_fd);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (key->clients[i].fd >= 0)
			client_end(key, &key->clients[i]);
	key->touch = TOUCH_NONE;
	report(key, "gone\n");
}

/* ---- the script ---- */

static enum lie lie_of(const char *word) {
	static const char *const words[] = {"replay", "self",    "no-touch", "rp",
	                                    "hash",   "garbage", "big"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return (enum lie)(LIE_REPLAY + i);
	return LIE_NONE;
}

static void obey(struct softkey *key, const char *line) {
	if (strcmp(line, "touch") == 0)
		key->touch = TOUCH_YES;
	else if (strcmp(line, "refuse") == 0)
		key->touch = TOUCH_NO;
	else if (strcmp(line, "wait") == 0)
		key->touch = TOUCH_NONE;
	else if (strcmp(line, "vanish") == 0)
		vanish(key);
	else if (strcmp(line, "appear") == 0)
		key->ended = appear(key) < 0;
	else if (strcmp(line, "end") == 0)
		key->ended = true;
	else if (strncmp(line, "counter ", 8) == 0)
		key->authenticator.counter = (uint32_t)strtoul(line + 8, NULL, 10);
	else if (strncmp(line, "lie", 3) == 0)
		key->authenticator.lie = line[3] == ' ' ? lie_of(line + 4) : LIE_NONE;
	if (key->waiting != NULL && key->touch != TOUCH_NONE)
		touched(key);
}

static void read_script(struct softkey *key) {
	char *end;
	ssize_t len = read(key->script_fd, key->line + key->line_len,
	                   sizeof(key->line) - key->line_len);

	if (len <= 0) {
		key->ended = true;
		return;
	}
	key->line_len += (size_t)len;
	while ((end = memchr(key->line, '\n', key->line_len)) != NULL) {
		size_t taken = (size_t)(end - key->line) + 1;

		*end = '\0';
		obey(key, key->line);
		key->line_len -= taken;
		memmove(key->line, key->line + taken, key->line_len);
	}
	if (key->line_len == sizeof(key->line))
		key->ended = true;
}

/* ---- from first to last ---- */

static void turn(struct softkey *key) {
	struct pollfd fds[2 + CLIENTS_MAX] = {
		{.fd = key->script_fd, .events = POLLIN},
		{.fd = key->listen_fd, .events = POLLIN},
	};

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		fds[2 + i] = (struct pollfd){.fd = key->clients[i].fd, .events = POLLIN};
	if (poll(fds, 2 + CLIENTS_MAX, key->waiting != NULL ? 20 : -1) < 0)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (fds[2 + i].revents != 0 && key->clients[i].fd == fds[2 + i].fd)
			client_read(key, &key->clients[i]);
	if (fds[1].revents != 0)
		client_new(key);
	if (fds[0].revents != 0)
		read_script(key);
	if (key->waiting != NULL && clock_mono_ns() - key->keepalive_ns >= KEEPALIVE_NS) {
		send_byte(key->waiting, key->waiting_channel, CTAP_KEEPALIVE, UP_NEEDED);
		key->keepalive_ns = clock_mono_ns();
	}
}

int softkey_run(const struct softkey_options *options, int script_fd, int report_fd) {
	static struct softkey key; /* as big as a stack should not be */
	int error;

	key = (struct softkey){.path = options->path,
	                       .listen_fd = -1,
	                       .script_fd = script_fd,
	                       .report_fd = report_fd,
	                       .last_channel = FIRST_CHANNEL};
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		key.clients[i].fd = -1;
	authenticator_init(&key.authenticator, options);
	error = appear(&key);
	while (error == 0 && !key.ended)
		turn(&key);
	vanish(&key);
	authenticator_deinit(&key.authenticator);
	return error;
}

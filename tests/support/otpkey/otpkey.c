/*
 * ykinfo and ykchalresp, by which name it is called, as yubikey-personalization 1.20 has them:
 * options, output, messages and exit status. The YubiKeys are elsewhere, behind the socket otp.sock
 * in the directory of its own argv[0] (tests/e2e/otpkeys.py), one line to ask and one to answer:
 *
 *	info INDEX                         key SERIAL SLOT1 SLOT2
 *	challenge INDEX SLOT WAITS HEX     answer HEX
 *	                                   core MESSAGE, usb MESSAGE: what is wrong
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_SIZE     512
#define CHALLENGE_MAX 64

static void say_trouble(const char *kind, const char *message) {
	fprintf(stderr, "%s error: %s\n", strcmp(kind, "usb") == 0 ? "USB" : "Yubikey core",
	        message);
}

/* The answer's word, and the rest of it; a key that nobody plays is none. */
static bool ask(char answer[static LINE_SIZE], const char *program, const char *question) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *slash = strrchr(program, '/');
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 0;
	ssize_t got;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.*s/otp.sock",
	         slash != NULL ? (int)(slash - program) : 1, slash != NULL ? program : ".");
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		snprintf(answer, LINE_SIZE, "core no yubikey present");
		return true;
	}
	if (write(fd, question, strlen(question)) < 0)
		return false;
	while (len < LINE_SIZE - 1 && (got = read(fd, answer + len, LINE_SIZE - 1 - len)) > 0)
		len += (size_t)got;
	close(fd);
	answer[len] = '\0';
	if (len == 0)
		snprintf(answer, LINE_SIZE, "usb No such device (it may have been disconnected)");
	else if (answer[len - 1] == '\n')
		answer[len - 1] = '\0';
	return true;
}

/* ---- ykinfo ---- */

static int info(int argc, char **argv) {
	bool serial = false, hex = false, first = false, second = false, quiet = false;
	char question[64], answer[LINE_SIZE];
	unsigned number = 0;
	int slots[2] = {0, 0}, index = 0, option;
	char *rest;

	while ((option = getopt(argc, argv, "asmn:HvtpqhV12iIc")) != -1) {
		switch (option) {
		case 's': serial = true; break;
		case 'H': hex = true; break;
		case '1': first = true; break;
		case '2': second = true; break;
		case 'q': quiet = true; break;
		case 'n': index = atoi(optarg); break;
		case 'a': serial = hex = first = second = true; break;
		case 'V': fputs("1.20.0\n", stderr); return 0;
		default: fputs("Usage: ykinfo [options]\n", stderr); return 0;
		}
	}
	if (!serial && !hex && !first && !second) {
		fputs("You must give at least one option.\nUsage: ykinfo [options]\n", stderr);
		return 0;
	}
	snprintf(question, sizeof(question), "info %d\n", index);
	if (!ask(answer, argv[0], question))
		return 1;
	rest = strchr(answer, ' ');
	if (rest == NULL || sscanf(answer, "key %u %d %d", &number, &slots[0], &slots[1]) != 3) {
		if (rest != NULL)
			*rest++ = '\0';
		say_trouble(answer, rest != NULL ? rest : "");
		return 1;
	}
	if (serial)
		printf("%s%d\n", quiet ? "" : "serial: ", (int)number);
	if (hex)
		printf("%s%x\n", quiet ? "" : "serial_hex: ", number);
	if (first)
		printf("%s%d\n", quiet ? "" : "slot1_status: ", slots[0]);
	if (second)
		printf("%s%d\n", quiet ? "" : "slot2_status: ", slots[1]);
	return 0;
}

/* ---- ykchalresp ---- */

static const char *usage = "Usage: ykchalresp [options] [challenge]\n";

/* Into hex digits, as they are given or of the bytes. */
static int read_challenge(char ret[static 2 * CHALLENGE_MAX + 1], const char *text, size_t len,
                          bool is_hex) {
	if (!is_hex) {
		for (size_t i = 0; i < len && i < CHALLENGE_MAX; i++)
			snprintf(ret + 2 * i, 3, "%02x", (unsigned char)text[i]);
		return 0;
	}
	if (len > 2 * CHALLENGE_MAX) {
		fprintf(stderr, "Hex-encoded challenge too long (max %d chars)\n",
		        2 * CHALLENGE_MAX);
		return 1;
	}
	if (len % 2 != 0) {
		fputs("Odd number of characters in hex-encoded challenge\n", stderr);
		return 1;
	}
	if (strspn(text, "0123456789abcdef") < len) {
		fprintf(stderr, "Bad hex-encoded string '%.*s'\n", (int)len, text);
		return 1;
	}
	memcpy(ret, text, len);
	ret[len] = '\0';
	return 0;
}

static int challenge(int argc, char **argv) {
	char question[LINE_SIZE], answer[LINE_SIZE], hex[2 * CHALLENGE_MAX + 1] = "";
	char input[LINE_SIZE];
	bool is_hex = false, waits = true;
	const char *text = NULL, *file = NULL;
	int slot = 1, index = 0, option;
	size_t len = 0;
	char *rest;

	while ((option = getopt(argc, argv, "1268xvhHtYNVi:n:")) != -1) {
		switch (option) {
		case '1': slot = 1; break;
		case '2': slot = 2; break;
		case 'H': break;
		case 'x': is_hex = true; break;
		case 'N': waits = false; break;
		case 'n': index = atoi(optarg); break;
		case 'i': file = optarg; break;
		case 'V': fputs("1.20.0\n", stderr); return 0;
		default: fputs(usage, stderr); return 0;
		}
	}
	if (file != NULL && strcmp(file, "-") == 0) {
		len = fread(input, 1, sizeof(input), stdin);
		text = input;
		if (len == 0) {
			fputs("Failed to read any data from file.\n", stderr);
			return 1;
		}
	} else if (optind < argc) {
		text = argv[optind];
		len = strlen(text);
	} else {
		fputs("No challenge.\n", stderr);
		fputs(usage, stderr);
		return 1;
	}
	if (read_challenge(hex, text, len, is_hex) != 0)
		return 1;
	snprintf(question, sizeof(question), "challenge %d %d %d %s\n", index, slot, waits, hex);
	if (!ask(answer, argv[0], question))
		return 1;
	rest = strchr(answer, ' ');
	if (rest != NULL)
		*rest++ = '\0';
	if (rest != NULL && strcmp(answer, "answer") == 0) {
		puts(rest);
		return 0;
	}
	say_trouble(answer, rest != NULL ? rest : "");
	return 1;
}

int main(int argc, char **argv) {
	const char *slash = strrchr(argv[0], '/');

	return strcmp(slash != NULL ? slash + 1 : argv[0], "ykinfo") == 0 ? info(argc, argv)
	                                                                  : challenge(argc, argv);
}

/* status: the state of the guard that runs, once or as it changes, for people, programs and bars.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/control.h"
#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/person.h"
#include "log/bar.h"
#include "log/follow.h"
#include "log/json.h"
#include "log/status.h"

static const char help[] =
	"usage: ssh-agent-guard status [--format WORD] [--watch] [--listen PATH]\n"
	"\n"
	"Prints the state of the guard. Exit status 1: there is none, or it does not answer. For "
        "a\n"
	"bar (tmux, waybar, i3status), and with --watch, that is a state like others.\n"
	"\n"
	"  --format WORD  yaml (the default), json: all of it; text: one line for people;\n"
	"                 tmux: for #(...) in a status line; waybar: for a custom module with\n"
	"                 return-type json; i3status: for i3status-rust's custom block with json\n"
	"  --watch        and again whenever it changes, until nobody reads it\n"
	"  --listen PATH  the socket of the guard that is meant, where it is not the ordinary "
        "one\n";

static const struct option long_options[] = {
	{"format", required_argument, NULL, 'f'},
	{"watch", no_argument, NULL, 'w'},
	{"listen", required_argument, NULL, 'l'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

enum form { FORM_YAML, FORM_JSON, FORM_TEXT, FORM_TMUX, FORM_WAYBAR, FORM_I3STATUS };

static const char *const form_names[] = {"yaml", "json", "text", "tmux", "waybar", "i3status"};

struct look {
	enum form form;
	bool watch;
	struct options options;
};

static void look_deinit(struct look *look) {
	options_deinit(&look->options);
}

static bool take_form(struct look *look, const char *name) {
	for (size_t i = 0; i < sizeof(form_names) / sizeof(form_names[0]); i++)
		if (strcmp(form_names[i], name) == 0) {
			look->form = (enum form)i;
			return true;
		}
	diag_error("--format %s: must be yaml, json, text, tmux, waybar or i3status", name);
	return false;
}

static enum options_result parse(struct look *look, int argc, char **argv) {
	int option;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0)
		switch (option) {
		case 'f':
			if (!take_form(look, optarg))
				return OPTIONS_WRONG;
			break;
		case 'w': look->watch = true; break;
		case 'l': look->options.listen = optarg; break;
		case 'h': return OPTIONS_HELP;
		default:
			diag_error("%s: %s (see `ssh-agent-guard status --help`)", argv[optind - 1],
			           option == ':' ? "needs a value" : "unknown option");
			return OPTIONS_WRONG;
		}
	if (argv[optind] != NULL) {
		diag_error("status: does not know what to do with %s (see `ssh-agent-guard status "
		           "--help`)",
		           argv[optind]);
		return OPTIONS_WRONG;
	}
	return options_resolve(&look->options) ? OPTIONS_RUN : OPTIONS_WRONG;
}

/* ---- what is shown ---- */

static int put_document(struct buffer *shown, enum form form, struct bytes document) {
	switch (form) {
	case FORM_YAML: buffer_put_raw(shown, document); return buffer_error(shown);
	case FORM_JSON: return event_json(shown, document);
	case FORM_TEXT: return bar_line(shown, BAR_TEXT, document);
	case FORM_TMUX: return bar_line(shown, BAR_TMUX, document);
	case FORM_WAYBAR: return bar_line(shown, BAR_WAYBAR, document);
	case FORM_I3STATUS: return bar_line(shown, BAR_I3STATUS, document);
	}
	return -EINVAL;
}

/* A bar has one line for everything, so that there is none, or that it hangs, is a state, too. */
static int ask_or_tell(struct buffer *document, const struct look *look) {
	struct status none = {.state = STATUS_STOPPED, .text = "no guard is running"};
	int result = control_ask(document, look->options.places.control, "status", false);

	if (result == 0)
		return 0;
	if (result != -ENOENT && result != -ECONNREFUSED)
		none.text = "the guard does not answer";
	document->len = 0;
	none.socket = look->options.places.socket;
	return status_yaml(document, &none);
}

static int print(const struct buffer *shown) {
	if (fwrite(shown->data, 1, shown->len, stdout) == shown->len && fflush(stdout) == 0)
		return 0;
	return -errno;
}

static bool same(const struct buffer *a, const struct buffer *b) {
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* One line, unless it is the one before. */
static int show_changed(struct buffer *before, const struct look *look) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	int error = ask_or_tell(&document, look);

	if (error == 0)
		error = put_document(&shown, look->form, buffer_bytes(&document));
	if (error < 0 || same(&shown, before))
		return error;
	buffer_clear(before);
	buffer_put_raw(before, buffer_bytes(&shown));
	error = buffer_error(before);
	return error < 0 ? error : print(&shown);
}

/* The status file tells that something has changed. Where it lies elsewhere, or is not there yet,
 * waiting ends by itself once a second. */
static int show_changes(const struct look *look) {
	CLEANUP(buffer_deinit) struct buffer before = {0};
	CLEANUP(follow_deinit) struct follow follow = {.fd = -1};
	CLEANUP(close_fd)
	int state_fd = open(look->options.places.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = 0, more = 1;

	if (state_fd >= 0)
		follow_init(&follow, state_fd);
	while (error == 0 && more != 0) {
		error = show_changed(&before, look);
		if (error == 0)
			more = follow_wait(&follow, STDOUT_FILENO);
		if (more < 0 && more != -EINTR)
			error = more;
	}
	return error == -EPIPE ? 0 : error;
}

static int show_once(const struct look *look) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	bool for_bar = look->form >= FORM_TMUX;
	int status, error = 0;

	if (for_bar)
		error = ask_or_tell(&document, look);
	else if ((status = person_ask(&document, &look->options, "status", "status")) != EXIT_DONE)
		return status;
	if (error == 0)
		error = put_document(&shown, look->form, buffer_bytes(&document));
	if (error == 0)
		error = print(&shown);
	if (error < 0)
		diag_error("status: %s", strerror(-error));
	return error < 0 ? EXIT_FAILED : EXIT_DONE;
}

int cmd_status(int argc, char **argv) {
	CLEANUP(look_deinit) struct look look = {0};
	int error;

	switch (parse(&look, argc, argv)) {
	case OPTIONS_RUN: break;
	case OPTIONS_HELP: fputs(help, stdout); return EXIT_DONE;
	case OPTIONS_WRONG: return EXIT_USAGE;
	}
	if (!look.watch)
		return show_once(&look);
	error = show_changes(&look);
	if (error < 0)
		diag_error("status: %s", strerror(-error));
	return error < 0 ? EXIT_FAILED : EXIT_DONE;
}

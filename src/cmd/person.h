/* What the commands share by which a person answers: one request, and what became of it. */
#ifndef CMD_PERSON_H
#define CMD_PERSON_H

#include "base/buffer.h"
#include "cmd/options.h"

#define SECRET_REQUEST_SIZE 256 /* the control socket takes no more */
#define PERSON_NONCE_SIZE   65
#define PERSON_HOW_SIZE     16     /* the name of a method, or "none" */
#define CHECK_TIMEOUT_S     30.    /* yescrypt on a loaded machine */
#define SLOT_TIMEOUT_S      120.   /* several YubiKeys that are looked at, and two answers */
#define PERSON_TIMEOUT_S    86400. /* a request waits no longer than that */
#define CHANGE_TIMEOUT_S    300.   /* the guard gives up before */

/* Exit status; what failed has been said, as that of the command. *answer has what came. */
int person_ask(struct buffer *answer, const struct options *options, const char *command,
               const char *request);
/* The same where the guard has to read files first. */
int person_ask_patiently(struct buffer *answer, const struct options *options, const char *command,
                         const char *request);
/* The same for a request with a PIN in it, or that a person has to answer. */
int person_ask_secret(struct buffer *answer, const struct options *options, const char *command,
                      const char *request, double timeout_s);
/* The same for a change of what is enrolled; a result for person_say_result(). */
int person_ask_change(struct buffer *answer, const struct options *options, const char *request);
/* In two parts, for whoever has something else to do: *ret_fd can be read when the answer comes. It
 * comes from our own program alone. */
int person_begin_to_ask(int *ret_fd, const struct options *options, const char *command,
                        const char *request);
int person_take_answer(struct buffer *answer, int fd);  /* a result for person_say_result() */
int person_await_answer(struct buffer *answer, int fd); /* likewise, whenever it comes */
int person_say_result(const struct buffer *answer, const struct options *options,
                      const char *command, int result);
/* The answer's lines, as text that no terminal obeys. */
void person_show(const struct buffer *answer, size_t from);

/* Takes the words of the first line, which must be two: both are cut off within the answer. false:
 * they are not there. *ret_rest is where the next line begins. */
bool person_take_words(struct buffer *answer, const char **ret_first, const char **ret_second,
                       size_t *ret_rest);
/* "turn NONCE HOW": another method's turn has come; both are copied, and what is about it begins at
 * *ret_rest. false: it is no such answer. */
bool person_take_turn(struct buffer *answer, char nonce[static PERSON_NONCE_SIZE],
                      char how[static PERSON_HOW_SIZE], size_t *ret_rest);

#endif

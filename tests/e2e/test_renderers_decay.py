"""How long what tmux shows is shown. One test, because most of it is waiting, and apart from the others,
because it waits for longer than all of them."""

import time
import unittest

from guard import wait_until
from renderers import POLICY, TMUX, TmuxTest

ALLOWED_S, DENIED_S, ALARM_S = 5, 10, 60


@unittest.skipUnless(TMUX, 'needs tmux')
class Decay(TmuxTest):
    def shown(self, text, what, deadline_s=30):
        wait_until(lambda: text in self.screen(), what, deadline_s)

    def gone(self, text, what, deadline_s=30):
        wait_until(lambda: text not in self.screen(), what, deadline_s)

    def test_what_is_done_decays_and_an_error_becomes_a_sign_that_stays_until_it_is_mended(self):
        self.server('default')
        self.screen = self.attach('default')
        self.start()
        self.shown('|end', 'the status line is there')

        error_began = time.monotonic()
        self.guard.write_policy('nonsense\n')
        self.shown(' ssh: reload-error |end', 'what is wrong')

        began = time.monotonic()
        self.sign()
        self.shown(' ssh-keygen: sign for good ', 'what was allowed')
        self.assertIn('reload-error', self.screen(), 'and a sign of what is wrong')
        self.gone('ssh-keygen', 'it has decayed')
        self.assertGreaterEqual(time.monotonic() - began, ALLOWED_S)

        began = time.monotonic()
        self.sign('other')
        self.shown(' ssh-keygen: sign for other DENIED ', 'what was refused')
        self.sign()  # takes nothing's place
        self.gone('ssh-keygen', 'it has decayed')
        self.assertGreaterEqual(time.monotonic() - began, DENIED_S)

        if time.monotonic() - error_began < ALARM_S - 10:  # else the machine was too busy to see it
            self.shown(' ssh: reload-error |end', 'the error again, which is news still')
        self.gone('ssh: reload-error', 'it is no news any more', 2 * ALARM_S)
        self.assertGreaterEqual(time.monotonic() - error_began, ALARM_S)
        self.shown(' reload-error |end', 'but a sign of it stays')
        self.sign()
        self.shown(' ssh-keygen: sign for good ', 'beside what is done')
        self.assertIn('reload-error', self.screen())

        self.guard.write_policy(POLICY + self.STATUS)
        self.gone('reload-error', 'it is mended')

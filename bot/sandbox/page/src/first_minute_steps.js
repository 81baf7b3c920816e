// The first minute, step by step. Pure data: `help` is what "Do it for me" does; `done` says which deed or sight ticks it.
// A deed is what the sandbox tells of ('command', 'click', 'form_sent'); a sight is what the page has shown.
const TERMINAL = { user: 'audituser', host: 'host2' }

export const STEPS = [
  {
    title: 'See who is logged in',
    words: 'Send /sessions host1',
    help: { as: 'alice', command: '/sessions', text: 'host1' },
    done: { deed: 'command', command: '/sessions', text: /^host1/ },
  },
  {
    title: 'Ask to end a login',
    words: 'Send /kick audituser host1 because INC-42',
    help: { as: 'alice', command: '/kick', text: 'audituser host1 because INC-42' },
    done: { deed: 'command', command: '/kick', text: /^audituser host1/, form: /kick_form/ },
  },
  {
    title: 'Try to agree to it yourself',
    words: 'Press Approve as Alice, who asked: refused.',
    help: { as: 'asker', approve: true },
    done: { deed: 'click', action: /approve/, by: 'asker' },
  },
  {
    title: 'Be Carol, and agree',
    words: 'Choose Carol above, and press Approve as her.',
    help: { as: 'carol', approve: true },
    done: { deed: 'click', action: /approve/, by: 'other' },
  },
  {
    title: 'Read the evidence',
    words: 'Open the replies below the request.',
    help: { evidence: true },
    done: { sight: 'evidence' },
  },
  {
    title: 'Be Bob, and open Home',
    words: 'It has what waits for him, and what runs.',
    help: { as: 'bob', home: true },
    done: { sight: 'home' },
  },
  {
    title: 'Ask with a warning first',
    words: 'Open Terminal: audituser on host2, then send /kick audituser host2 warn 1m',
    help: { as: 'bob', terminal: TERMINAL, command: '/kick', text: 'audituser host2 warn 1m' },
    done: { deed: 'command', command: '/kick', text: /^audituser host2 .*\bwarn/ },
  },
  {
    title: 'Be Carol, approve, and watch the terminal',
    words: 'Then press Stop, or wait.',
    help: { as: 'carol', terminal: TERMINAL, approve: true },
    done: { sight: 'warning' },
  },
]
export const NEXT =
  'That was all of it. Next: /kick bob host2 (ignores the polite signals: ask to force it) · /audit · /kick alone for the form.'

// Who did the second step.
export const asker = (deeds) => deeds.find((deed) => matches(STEPS[1].done, deed))?.user

export function ticks(deeds, sights) {
  const by = asker(deeds)
  return STEPS.map(({ done }) => (done.sight ? sights.includes(done.sight) : deeds.some((deed) => matches(done, deed, by))))
}

function matches(done, deed, by) {
  if (deed.kind === 'form_sent') return Boolean(done.form?.test(deed.callback_id))
  if (done.deed !== deed.kind) return false
  if (done.command) return deed.command === done.command && done.text.test(deed.text)
  return done.action.test(deed.action_id) && Boolean(by) && (done.by === 'asker') === (deed.user === by)
}

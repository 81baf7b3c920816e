// The first minute, step by step. Pure data: `fill` goes into the message line; `done` says which deed or sight ticks it.
// A deed is what the sandbox tells of ('command', 'click', 'form_sent'); a sight is what the page has shown.
export const STEPS = [
  {
    title: 'See who is logged in',
    words: 'Type /sessions host1',
    fill: '/sessions host1',
    done: { deed: 'command', command: '/sessions', text: /^host1/ },
  },
  {
    title: 'Ask to end a login',
    words: '/kick audituser host1 because INC-42',
    fill: '/kick audituser host1 because INC-42',
    done: { deed: 'command', command: '/kick', text: /^audituser host1/, form: /kick_form/ },
  },
  {
    title: 'Try to agree to it yourself',
    words: 'Press the green button as the one who asked: refused.',
    done: { deed: 'click', action: /approve/, by: 'asker' },
  },
  {
    title: 'Be Carol, and agree',
    words: 'Choose Carol above, and press it as her.',
    become: 'carol',
    done: { deed: 'click', action: /approve/, by: 'other' },
  },
  {
    title: 'Read the evidence',
    words: 'Open the replies below the request.',
    done: { sight: 'evidence' },
  },
  {
    title: 'Be Bob: look at Home, and be warned',
    words: 'Open Home; then, with a terminal of host2 open: /kick audituser host2 warn 1m',
    become: 'bob',
    fill: '/kick audituser host2 warn 1m',
    done: { sight: 'home', deed: 'command', command: '/kick', text: /^audituser host2 warn/ },
  },
]

// Which steps are done. The asker is who did the second one.
export function ticks(deeds, sights) {
  const asker = deeds.find((d) => matches(STEPS[1].done, d))?.user
  const seen = ({ sight }) => !sight || sights.includes(sight)
  const did = (done) => !done.deed || deeds.some((d) => matches(done, d, asker))
  return STEPS.map(({ done }) => seen(done) && did(done))
}

function matches(done, deed, asker) {
  if (deed.kind === 'form_sent') return Boolean(done.form?.test(deed.callback_id))
  if (done.deed !== deed.kind) return false
  if (done.command) return deed.command === done.command && done.text.test(deed.text)
  return done.action.test(deed.action_id) && Boolean(asker) && (done.by === 'asker') === (deed.user === asker)
}

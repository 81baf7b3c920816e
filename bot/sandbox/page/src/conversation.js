// Which messages a person sees where. Pure.
const inThread = (m) => Boolean(m.thread_ts) && m.thread_ts !== m.ts

function visible(state, me, channel) {
  const own = state.ephemerals.filter((e) => e.reader === me)
  return [...state.messages, ...own].filter((m) => m.channel === channel).sort((a, b) => a.ts - b.ts)
}

export const inChannel = (state, me, channel) => visible(state, me, channel).filter((m) => !inThread(m))

export function inThreadOf(state, me, channel, ts) {
  return visible(state, me, channel).filter((m) => m.ts === ts || (inThread(m) && m.thread_ts === ts))
}

export const author = (state, message) => (message.reader ? state.app.user : message.user)

// The newest ts in a channel, as read or unread is told by it.
export const newest = (state, me, channel) => inChannel(state, me, channel).at(-1)?.ts || '0'

export const isUnread = (state, me, channel, read) => Number(newest(state, me, channel)) > Number(read || 0)

// The message that a link of this origin points to: {channel, ts, thread}, or null.
export function linked(address) {
  const url = new URL(address, location.origin)
  const found = url.origin === location.origin && /^\/archives\/(\w+)\/p(\d+)(\d{6})$/.exec(url.pathname)
  return found ? { channel: found[1], ts: `${found[2]}.${found[3]}`, thread: url.searchParams.get('thread_ts') || '' } : null
}

export const linkTo = (message) =>
  `/archives/${message.channel}/p${message.ts.replace('.', '')}` +
  (inThread(message) ? `?thread_ts=${message.thread_ts}` : '')

// What "Do it for me" needs of a workspace's state. Pure.
import { keyOfTerminal } from './names.js'

// The newest button to approve with, as what a press of it sends; undefined if none is there.
export function approval(state) {
  const found = state.messages.flatMap((message) => buttons(message).map((button) => ({ channel: message.channel, ts: message.ts, ...button })))
  return found.filter((button) => !button.channel.startsWith('D') && /approve/.test(button.action_id)).at(-1)
}

function buttons(message) {
  const rows = (message.blocks ?? []).filter((block) => block.type === 'actions')
  return rows.flatMap(({ block_id, elements }) => elements.map(({ action_id, value }) => ({ block_id, action_id, value })))
}

// The newest reply that holds a file.
export const evidence = (state) => state.messages.filter((m) => m.thread_ts && m.files?.length).at(-1)

export const isPossible = (state, help) => (!help.approve || Boolean(approval(state))) && (!help.evidence || Boolean(evidence(state)))

export function terminalOf(state, { user, host }) {
  const found = (state.terminals ?? []).find((t) => t.open && t.user === user && t.host === host)
  return found && keyOfTerminal(found)
}

// What the page shows now that ticks a step.
export function sightsIn(state, thread) {
  const read = state.messages.filter((m) => thread && m.channel === thread.channel && m.thread_ts === thread.ts)
  return [
    read.some((m) => m.files?.length) && 'evidence',
    state.messages.some((m) => /\bwas told on\b/.test(m.text)) && 'warning',
  ].filter(Boolean)
}

export const isWarning = (text) => text.includes('Save your work now.')

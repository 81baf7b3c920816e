// Names of the people, groups and channels of a workspace's state.
export const person = (state, id) => state.people.find((p) => p.id === id)

export const nameOf = (state, id) => person(state, id)?.real_name || id

export const channelName = (state, id) => state.channels.find((c) => c.id === id)?.name || id

export function handleOf(state, id) {
  return person(state, id)?.name || state.groups.find((g) => g.id === id)?.handle || id
}

export const keyOfTerminal = (terminal) => `${terminal.host}/${terminal.session}`

export const directWithApp = (me) => `D${me.slice(1)}`

// What Slack's client sends for typed words: escaped, and @name of a person or group as a mention.
export function asTyped(state, words) {
  const escaped = words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
  return escaped.replace(/(?<!\S)@([\w.-]*\w)/g, (all, name) => {
    const who = state.people.find((p) => p.name === name)
    const group = state.groups.find((g) => g.handle === name)
    return who ? `<@${who.id}>` : group ? `<!subteam^${group.id}>` : all
  })
}

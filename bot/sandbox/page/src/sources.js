// Where the options of a menu come from. Each is text -> {groups: [{label, options}], note}, perhaps later.
import { nameOf } from './names.js'

const SLOW = 150

export const isExternal = (element) => element.type.endsWith('external_select')

export function source(element, state, ask) {
  if (isExternal(element)) return external(element, ask)
  const groups = grouped(listed(element, state))
  return (text) => {
    const found = groups.map((group) => ({ ...group, options: group.options.filter((option) => matches(option, text)) }))
    return answer(found.filter((group) => group.options.length))
  }
}

// The newest question only, asked when the typing pauses.
function external(element, ask) {
  const least = element.min_query_length ?? 3
  return async (text, signal) => {
    if (text.length < least) return { groups: [], note: `Type ${least === 1 ? 'a letter' : `${least} letters`} to search` }
    await new Promise((go) => setTimeout(go, SLOW))
    if (signal.aborted) return null
    const { ok, response } = await ask(text)
    return ok && response ? answer(grouped(response)) : { groups: [], note: 'Couldn’t load the options' }
  }
}

const answer = (groups) => ({ groups, note: groups.some((group) => group.options.length) ? '' : 'No results' })

function grouped({ options, option_groups: groups }) {
  if (groups) return groups.map((group) => ({ label: group.label.text, options: group.options }))
  return [{ label: '', options: options ?? [] }]
}

function matches(option, text) {
  const all = `${option.text.text} ${option.description?.text ?? ''}`.toLowerCase()
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word))
}

// People and channels are options too, by their ids.
function listed(element, state) {
  const called = (id, text) => ({ value: id, text: { type: 'plain_text', text } })
  if (element.type.endsWith('users_select')) {
    return { options: state.people.filter((p) => !p.deleted).map((p) => called(p.id, nameOf(state, p.id))) }
  }
  if (/(channels|conversations)_select$/.test(element.type)) {
    return { options: state.channels.filter((c) => !c.person).map((c) => called(c.id, `#${c.name}`)) }
  }
  return element
}

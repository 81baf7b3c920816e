// What is filled in on a message or a form: kept by block_id and action_id, sent as the people's side wants it. Pure.
const STATELESS = ['button', 'overflow', 'image', 'workflow_button']
const SINGLE = ['static_select', 'radio_buttons', 'external_select']
const SEVERAL = ['multi_static_select', 'multi_external_select', 'checkboxes']

export const keyOf = (block, element) => `${block.block_id}/${element.action_id}`

// The value as kept: option objects for menus, else what Slack's payloads hold.
export function initial(element) {
  if (SINGLE.includes(element.type)) return element.initial_option ?? null
  if (SEVERAL.includes(element.type)) return element.initial_options ?? []
  const name = Object.keys(element).find((key) => key.startsWith('initial_'))
  return name ? element[name] : element.type.startsWith('multi_') ? [] : null
}

export const valueOf = (filled, block, element) => {
  const key = keyOf(block, element)
  return key in filled ? filled[key] : initial(element)
}

// The value as sent: an option is named by its value.
export function sent(element, value) {
  if (SINGLE.includes(element.type) || element.type === 'overflow') return value?.value ?? null
  if (SEVERAL.includes(element.type)) return value.map((option) => option.value)
  return value === '' ? null : value
}

function* fields(blocks) {
  for (const block of blocks) {
    const held = block.element ? [block.element] : block.accessory ? [block.accessory] : (block.elements ?? [])
    for (const element of held) {
      if (element.action_id && !STATELESS.includes(element.type)) yield { block, element }
    }
  }
}

// All that is filled in so far: by block_id, or by action_id where a block holds several.
export function values(blocks, filled) {
  const all = [...fields(blocks)].map(({ block, element }) => [
    block.type === 'actions' ? element.action_id : block.block_id,
    sent(element, valueOf(filled, block, element)),
  ])
  return Object.fromEntries(all)
}

// Fields that are not on the form any more are forgotten, as Slack forgets them.
export function kept(blocks, filled) {
  const there = new Set([...fields(blocks)].map(({ block, element }) => keyOf(block, element)))
  return Object.fromEntries(Object.entries(filled).filter(([key]) => there.has(key)))
}

export function missing(blocks, filled) {
  const empty = (value) => value === null || value === '' || (Array.isArray(value) && !value.length)
  const asked = [...fields(blocks)].filter(({ block }) => block.type === 'input' && !block.optional)
  const open = asked.filter(({ block, element }) => empty(valueOf(filled, block, element)))
  return Object.fromEntries(open.map(({ block }) => [block.block_id, 'Please complete this required field.']))
}

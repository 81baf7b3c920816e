// One line or several to type in, and the dates and times of Slack's pickers.
const KINDS = {
  email_text_input: 'email', url_text_input: 'url', datepicker: 'date', timepicker: 'time', datetimepicker: 'datetime-local',
}

// `entered`: Enter was pressed in one that tells the app so.
export function TextField({ element, value, change, entered, ...field }) {
  const shared = {
    ...field,
    value: value ?? '',
    placeholder: element.placeholder?.text,
    minLength: element.min_length || undefined,
    maxLength: element.max_length || undefined,
    onChange: (event) => change(event.target.value),
  }
  if (element.multiline) {
    return (
      <div className="long-text">
        <textarea rows={4} {...shared} />
        {element.max_length && <small aria-hidden="true">{element.max_length - (value ?? '').length}</small>}
      </div>
    )
  }
  if (element.type === 'datetimepicker') return <Moment value={value} change={change} field={field} />
  const enter = (event) => {
    if (event.key !== 'Enter' || !entered) return
    event.preventDefault()
    entered()
  }
  return <input type={KINDS[element.type] || 'text'} inputMode={element.type === 'number_input' ? 'decimal' : undefined} onKeyDown={enter} {...shared} />
}

// Seconds since 1970, shown and typed in the reader's own zone.
function Moment({ value, change, field }) {
  const local = value ? new Date(value * 1000 - new Date(value * 1000).getTimezoneOffset() * 60000).toISOString().slice(0, 16) : ''
  const typed = (event) => change(event.target.value ? Math.floor(new Date(event.target.value).getTime() / 1000) : null)
  return <input type="datetime-local" value={local} onChange={typed} {...field} />
}

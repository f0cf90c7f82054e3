interface Circle { latitude: number; longitude: number; radiusKm: number }
interface Area { polygon: number[][] }

const berlin: Circle = { latitude: 52.52, longitude: 13.4, radiusKm: 50 };

/** A circle, or a polygon of [longitude, latitude]. */
export function GeographyEditor({ value, onChange }: { value: unknown; onChange: (value: unknown) => void }) {
  if (typeof value === 'object' && value !== null && 'polygon' in value) {
    const { polygon } = value as Area;
    return (
      <span className="rule-value">
        <button type="button" onClick={() => onChange(berlin)}>polygon</button>
        <textarea aria-label="Polygon: longitude and latitude, a corner a line" rows={polygon.length}
          defaultValue={polygon.map(corner => corner.join(' ')).join('\n')}
          onBlur={e => onChange({ polygon: e.target.value.trim().split('\n').map(line => line.trim().split(/[\s,]+/).map(Number)) })} />
      </span>
    );
  }

  const circle = { ...berlin, ...(typeof value === 'object' ? value : null) } as Circle;
  const input = (name: keyof Circle, label: string) => (
    <label>
      {label}{' '}
      <input type="number" step="any" value={circle[name]} onChange={e => onChange({ ...circle, [name]: Number(e.target.value) })} />
    </label>
  );
  return (
    <span className="rule-value">
      <button type="button" onClick={() => onChange({ polygon: [[13, 52], [14, 52], [13.5, 53]] })}>circle</button>
      {input('latitude', 'latitude')} {input('longitude', 'longitude')} {input('radiusKm', 'km')}
    </span>
  );
}

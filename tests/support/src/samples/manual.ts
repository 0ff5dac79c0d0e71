import type { Sample } from './page';

/** A user manual of a machine that does not exist. */
export const manual: Sample = {
  file: 'turbine-manual.pdf',
  title: 'Kestrel 5 Water Turbine: User Manual',
  author: 'Brightwater Mills plc',
  date: new Date('2024-06-12T09:00:00Z'),
  outline: true,
  blocks: [
    { heading: 'Kestrel 5 Water Turbine: User Manual', level: 1 },
    {
      paragraph:
        'The Kestrel 5 turns the flow of a small stream into electricity. At a head of six metres and a flow of ' +
        'ninety litres a second it gives five kilowatts, enough for a farmhouse and its workshop. Read this manual ' +
        'before you open the sluice for the first time, and keep it near the machine.',
    },
    { heading: 'Safety', level: 2 },
    {
      paragraph:
        'Never reach into the runner housing while water is flowing. The runner goes on turning for up to two ' +
        'minutes after the sluice is closed. Close the sluice, pull the red stop lever, wait until the shaft stands ' +
        'still, and lock the lever with the padlock supplied before you take off any cover.',
    },
    {
      paragraph:
        'The generator carries up to 400 volts whenever the shaft turns, even when it is not connected to the ' +
        'house. Only an electrician may open the grey control box. Children must be kept behind the fence.',
    },
    { heading: 'Installation', level: 2 },
    {
      paragraph:
        'Set the turbine on a level concrete base at least twenty centimetres thick. The intake needs a trash rack ' +
        'with bars no more than fifteen millimetres apart, so that leaves, branches and fish stay out. The suction ' +
        'pipe must end thirty centimetres below the lowest water level; otherwise air is drawn in and the machine ' +
        'loses power and becomes noisy.',
    },
    {
      list: [
        'Bolt the housing to the base with the six M16 anchors and tighten them to 120 newton metres.',
        'Connect the penstock with the rubber sleeve, and check that no weight of the pipe rests on the housing.',
        'Turn the shaft by hand. It must run freely, without a scraping sound.',
        'Have the electrician connect the control box, and earth the housing to a separate rod.',
      ],
    },
    { pageBreak: true },
    { heading: 'Starting and stopping', level: 2 },
    {
      paragraph:
        'To start, release the red lever and open the sluice a quarter turn. Wait until the green lamp on the ' +
        'control box is lit, which means that the voltage is right. Then open the sluice slowly, over at least one ' +
        'minute, until the display shows the power you want. Opening it faster can cause a pressure surge that ' +
        'bursts the penstock.',
    },
    {
      paragraph:
        'To stop, close the sluice slowly and pull the red lever. If the grid fails, the control box closes the ' +
        'sluice by itself with its spring drive and sounds a short alarm. It opens it again five minutes after the ' +
        'grid has come back.',
    },
    { heading: 'Maintenance', level: 2 },
    {
      paragraph:
        'Regular care keeps the turbine at full power for twenty years. Clean the trash rack every week in autumn ' +
        'and every month in the rest of the year. A blocked rack is the most frequent reason for low power.',
    },
    {
      table: {
        head: ['Work', 'Interval', 'Time needed'],
        rows: [
          ['Clean the trash rack', 'weekly in autumn', '10 minutes'],
          ['Grease both bearings', 'every 2,000 hours', '15 minutes'],
          ['Check the belt tension', 'every 6 months', '20 minutes'],
          ['Replace the shaft seal', 'every 3 years', '3 hours'],
        ],
      },
    },
    {
      paragraph:
        'Grease the bearings with lithium grease of grade NLGI 2, four strokes of the grease gun each. Too much ' +
        'grease is as harmful as too little: it makes the bearing hot. A bearing that is too hot to touch must be ' +
        'replaced.',
    },
    { pageBreak: true },
    { heading: 'Troubleshooting', level: 2 },
    {
      paragraph:
        'Low power: clean the trash rack, look for air bubbles at the outlet, and compare the water level with the ' +
        'mark at the intake. If the level is right and the rack is clean, the runner may be damaged by stones.',
    },
    {
      paragraph:
        'Loud rattling: the turbine draws in air or the runner touches the housing. Stop it at once. Check the depth ' +
        'of the suction pipe, then the clearance of the runner, which must be one millimetre all around.',
    },
    {
      paragraph:
        'Error E4 on the display means that the generator is too warm. Let it cool for half an hour, clean the air ' +
        'vents, and start again at half power. Error E7 means that the voltage of the grid is outside its limits; ' +
        'the turbine starts again by itself.',
    },
    { heading: 'Frost', level: 2 },
    {
      paragraph:
        'A turbine that runs does not freeze. If it has to stand still below zero degrees, close the sluice, open ' +
        'the drain cock below the housing, and leave it open until spring. Ice in the housing breaks the runner, and ' +
        'the warranty does not cover it.',
    },
    { heading: 'Warranty and service', level: 2 },
    {
      paragraph:
        'Brightwater Mills repairs every fault of material or workmanship free of charge for five years from ' +
        'delivery. The warranty ends when the control box is opened by anyone but an electrician. Spare parts are ' +
        'kept in stock for at least twenty years. Have the serial number ready when you ask for service; it stands ' +
        'on the plate next to the drain cock.',
    },
  ],
};

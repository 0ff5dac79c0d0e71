import type { Sample } from './page';

/** A short annual report of a company that does not exist. */
export const annualReport: Sample = {
  file: 'annual-report.pdf',
  title: 'Brightwater Mills: Annual Report 2024',
  author: 'Brightwater Mills plc',
  date: new Date('2025-03-03T09:00:00Z'),
  outline: true,
  blocks: [
    { heading: 'Brightwater Mills: Annual Report 2024', level: 1 },
    {
      paragraph:
        'Brightwater Mills plc grinds grain for bakeries and sells small water turbines to farms and villages. ' +
        'This report covers the financial year that ended on 31 December 2024. All amounts are in thousands of ' +
        'pounds unless another unit is named.',
    },
    { heading: '1. Review of the year', level: 2 },
    {
      paragraph:
        'Total revenue grew by eleven per cent to 48,310 thousand pounds. The flour business sold more to small ' +
        'bakeries, where stoneground wholemeal flour earned a higher price than white flour for supermarkets. The ' +
        'turbine business delivered 212 machines, forty more than the year before, after the factory in Hebden ' +
        'began to work in two shifts in May.',
    },
    {
      paragraph:
        'The dry spring was the hardest part of the year. From April to June the river stood so low that the mill ' +
        'at Calder ran on grid electricity for thirty-four days, which cost 610 thousand pounds more than planned. ' +
        'The board has therefore approved a second weir with a fish ladder, to be finished before summer 2026.',
    },
    {
      paragraph:
        'At the end of December the group employed 318 people, of whom 41 were apprentices. Two accidents led to ' +
        'absence from work, against five in 2023. Every mill now has guards on its conveyor belts that stop the ' +
        'belt when they are opened.',
    },
    { heading: '2. Financial results', level: 2 },
    {
      paragraph:
        'Revenue by quarter is shown below. The third quarter was the strongest because the new harvest came in ' +
        'early and 78 turbines were delivered before the autumn rain.',
    },
    {
      table: {
        head: ['Revenue by quarter', 'Q1', 'Q2', 'Q3', 'Q4', 'Total'],
        rows: [
          ['Flour', '7,420', '7,115', '8,960', '8,505', '32,000'],
          ['Turbines', '2,890', '3,240', '5,410', '3,170', '14,710'],
          ['Repairs and spare parts', '360', '395', '430', '415', '1,600'],
          ['Total revenue', '10,670', '10,750', '14,800', '12,090', '48,310'],
        ],
      },
    },
    {
      paragraph:
        'Operating profit was 5,940 thousand pounds, or 12.3 per cent of revenue. Net debt fell to 9,200 thousand ' +
        'pounds after the old warehouse in Leeds was sold. Interest is fixed at 4.1 per cent until 2028, so that a ' +
        'rise in rates would not change the result.',
    },
    { heading: 'Dividend and outlook', level: 2 },
    {
      paragraph:
        'The board proposes a dividend of 6.5 pence a share, to be paid on 16 May 2025 to everyone who holds shares ' +
        'on 25 April. For 2025 we expect revenue of about 52 million pounds. The greatest risks are another dry ' +
        'spring, the price of copper for the generators, and a shortage of trained millwrights.',
    },
  ],
};

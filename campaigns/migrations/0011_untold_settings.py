import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0010_larger_batches'),
    ]

    operations = [
        migrations.CreateModel(
            name='UntoldSetting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.CharField(max_length=64)),
                ('field', models.CharField(max_length=30)),
                ('value', models.JSONField(null=True)),
                ('at', models.DateTimeField()),
                ('who', models.CharField(blank=True, max_length=150)),
                ('door', models.CharField(max_length=10)),
                ('due_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, help_text='Told at this time, at the earliest.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user_id', 'field'), name='one_untold_setting_of_a_kind')],
            },
        ),
    ]
